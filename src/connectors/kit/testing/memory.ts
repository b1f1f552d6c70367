import type { Memory } from '../../contract/memory.ts';

/** A memory that several workers share: each call of `view` is one worker's. Compares and sets as the state database does. */
export function sharedMemory() {
  const kept = new Map<string, { value: string; version: number }>();
  const memory: Memory = {
    async get(name) {
      const found = kept.get(name);
      return found === undefined ? null : { value: found.value, version: String(found.version) };
    },
    async swap(name, value, before) {
      const found = kept.get(name);
      if ((found === undefined ? null : String(found.version)) !== (before?.version ?? null))
        return false;
      if (value === null) kept.delete(name);
      else kept.set(name, { value, version: (found?.version ?? 0) + 1 });
      return true;
    },
  };
  return { memory, values: () => Array.from(kept.values(), ({ value }) => value) };
}
