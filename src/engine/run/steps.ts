/** Work in small steps, between which whoever runs it may let others go. */
export type Steps<T> = Generator<undefined, T>;

/** Does such work in one go. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
