import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { apiSections } from './reports/api.ts';
import { costSections } from './reports/cost.ts';
import { entitySections } from './reports/entities.ts';
import { faultSections } from './reports/faults.ts';
import { postgresSections } from './reports/postgres.ts';
import { refusedSections } from './reports/refused.ts';
import { startSections } from './reports/start.ts';
import { unchangedSections } from './reports/unchanged.ts';

const readme = fileURLToPath(new URL('README.md', import.meta.url));

/** Puts tables of all results into README.md, between the markers of their names, and writes the plots beside it. */
export function writeReport(): void {
  let text = readFileSync(readme, 'utf8');
  for (const [name, section] of Object.entries(sections())) {
    const place = new RegExp(`<!-- ${name} -->.*<!-- /${name} -->`, 's');
    if (!place.test(text)) throw new Error(`README.md has no place for ${name}`);
    text = text.replace(place, () => `<!-- ${name} -->\n${section}\n<!-- /${name} -->`);
  }
  writeFileSync(readme, text);
}

function sections(): Record<string, string> {
  return {
    ...postgresSections(),
    ...refusedSections(),
    ...faultSections(),
    ...apiSections(),
    ...costSections(),
    ...unchangedSections(),
    ...startSections(),
    ...entitySections(),
  };
}
