import { checkEntityExpression, derivation, settersOf, type EntityCheck } from './entity-check.ts';

/** Checks that every field is set by a source or derived from others, and that none is derived from itself. */
export function checkFields(check: EntityCheck): void {
  const { file, path, entity } = check;
  const names = Object.keys(entity.fields);
  if (names.length === 0) file.report([...path, 'fields'], 'an entity needs a field');
  for (const name of names) {
    if (name in Object.prototype) file.report([...path, 'fields', name], 'the name is reserved');
    if (derivation(entity, name) !== undefined || settersOf(entity, name).length > 0) continue;
    file.report([...path, 'fields', name], 'no source sets it', 'map it in `fields` of a source');
  }
  checkDerived(check);
}

function checkDerived(check: EntityCheck): void {
  const { file, path, entity } = check;
  const uses = new Map<string, readonly string[]>();
  for (const name of Object.keys(entity.fields)) {
    const expr = derivation(entity, name);
    if (expr === undefined) continue;
    uses.set(name, checkEntityExpression(check, [...path, 'fields', name, 'expr'], expr));
  }
  for (const cycle of cyclesIn(uses)) {
    const [first = ''] = cycle;
    const chain = [...cycle, first].join(' → ');
    file.report([...path, 'fields', first, 'expr'], `is derived from itself: ${chain}`);
  }
}

/** Returns the cycles among derived fields, each once, beginning with the field that is declared first. */
function cyclesIn(uses: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): void => {
    const at = trail.indexOf(name);
    if (at >= 0) cycles.push(trail.slice(at));
    if (at >= 0 || done.has(name)) return;
    for (const used of uses.get(name) ?? []) visit(used, [...trail, name]);
    done.add(name);
  };
  for (const name of uses.keys()) visit(name, []);
  return cycles;
}
