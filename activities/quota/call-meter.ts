/** Calls per millisecond over about the last second. */
export class CallMeter {
  #begun = performance.now();
  #before = 0;
  #count = 0;

  add(): void {
    this.#turn();
    this.#count += 1;
  }

  get rate(): number {
    this.#turn();
    const share = (performance.now() - this.#begun) / 1000;
    return (this.#before * (1 - share) + this.#count) / 1000;
  }

  #turn(): void {
    const seconds = Math.floor((performance.now() - this.#begun) / 1000);
    if (seconds < 1) return;
    this.#before = seconds === 1 ? this.#count : 0;
    this.#count = 0;
    this.#begun += seconds * 1000;
  }
}
