/** How many record errors fail a run early; either bound that is passed does. */
export interface StopAfter {
  /** More record errors than this. */
  readonly errors?: number | undefined;
  /** A greater share of the imported records than this, 0 to 1. */
  readonly fraction?: number | undefined;
}
