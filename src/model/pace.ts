/** How a chunk fared: its records, and how long its slowest step took in milliseconds. */
export interface Pace {
  readonly records: number;
  readonly ms: number;
}
