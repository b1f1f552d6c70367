import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { City, Country } from 'country-state-city';
import { Client } from 'pg';
import { from } from 'pg-copy-streams';

const table = `create table cities (
  id integer primary key,
  name text not null,
  country text not null,
  country_code text not null,
  latitude numeric,
  longitude numeric
)`;

/** Loads every city that npm's country-state-city knows into the table `cities`; returns how many. */
export async function loadCities(databaseUrl: string): Promise<number> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(table);
    await pipeline(Readable.from(copyLines()), client.query(from('copy cities from stdin')));
    const { rows } = await client.query<{ count: number }>('select count(*)::int from cities');
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}

/** Lines in the text format of COPY, in lots: a line at a time would be slow. */
function* copyLines(): Generator<string> {
  const countries = new Map(Country.getAllCountries().map(({ isoCode, name }) => [isoCode, name]));
  const cities = City.getAllCities();
  const lot = 5000;
  for (let start = 0; start < cities.length; start += lot) {
    const lines = cities
      .slice(start, start + lot)
      .map(({ name, countryCode, latitude, longitude }, index) => {
        const country = countries.get(countryCode) ?? countryCode;
        const row = [start + index + 1, name, country, countryCode, latitude, longitude];
        return `${row.map(copyValue).join('\t')}\n`;
      });
    yield lines.join('');
  }
}

function copyValue(value: string | number | null | undefined): string {
  if (value === null || value === undefined || value === '') return String.raw`\N`;
  const escapes: Record<string, string> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' };
  return String(value).replace(/[\t\n\r\\]/g, (one) => escapes[one] ?? one);
}
