/** Work in small steps. Between two steps the caller may let other work run. */
export type Steps<T> = Generator<undefined, T>;

/** Does all steps without a pause, and returns the result. */
export function runSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
