/** How text keys are compared. Default: exactly. */
export interface Match {
  readonly caseInsensitive: boolean;
  readonly trim: boolean;
}
