/** A row of Salesforce's table `account`. */
export interface Account {
  readonly Id: string;
  readonly Name: string;
  readonly Type: string;
  readonly Website: string | null;
  readonly IsDeleted: boolean;
  readonly SystemModstamp: Date;
}

/** A row of HubSpot's table `companies`, which numbers its rows itself. */
export interface Company {
  readonly name: string;
  readonly domain: string | null;
  readonly employees: number | null;
  readonly kind: string | null;
  readonly updated_at: Date;
}

const first =
  'Alder Amber Beacon Birch Bright Cedar Copper Delta Ember Falcon Granite Harbor Iron Juniper Kestrel Lark Maple Northwind Orchard Pioneer'.split(
    ' ',
  );
const second =
  'Analytics Foods Freight Health Insurance Labs Logistics Media Metals Outdoor Pharma Robotics Software Textiles Travel Mining Studios'.split(
    ' ',
  );

/** The numbers of companies: 0 to 299 live in Salesforce, the next 5 are deleted there, the last 20 only in HubSpot. */
const counts = { salesforce: 300, deleted: 5, hubspotFrom: 320, all: 340 } as const;

/** The name of a company, such as `Cedar Freight`. @param n its number */
export function nameOf(n: number): string {
  return `${first[n % first.length]} ${second[Math.floor(n / first.length)]}`;
}

/** The domain of a company, such as `cedar-freight.com`. */
export function domainOf(n: number): string {
  return `${nameOf(n).toLowerCase().replace(' ', '-')}.${pick(['com', 'io', 'de'], n)}`;
}

/** The id of an account: 18 characters. @param serial from 0 */
export function accountId(serial: number): string {
  return `001Hs00000${String(serial).padStart(5, '0')}QAA`;
}

/**
 * The accounts: 40% customers, 40% prospects, 20% partners; every seventh without a website, the others as people type
 * them. Every fifteenth company was entered a second time, as a prospect. Five are deleted.
 */
export function accounts(): Account[] {
  const live = numbers(0, counts.salesforce);
  const deleted = numbers(counts.salesforce, counts.salesforce + counts.deleted);
  const twice = live.filter((n) => n % 15 === 0);
  return [
    ...[...live, ...deleted].map((n) => ({
      Id: accountId(n),
      Name: nameOf(n),
      Type: pick(['Customer', 'Customer', 'Prospect', 'Prospect', 'Partner'], n),
      Website: n % 7 === 6 ? null : websiteOf(n),
      IsDeleted: deleted.includes(n),
      SystemModstamp: hour(n),
    })),
    ...twice.map((n, index) => ({
      Id: accountId(1000 + index),
      Name: nameOf(n),
      Type: 'Prospect',
      Website: `https://www.${domainOf(n)}`,
      IsDeleted: false,
      SystemModstamp: hour(1000 + n),
    })),
  ];
}

/**
 * The companies: every third of Salesforce's, half of them under its name and half as `…, Inc.`, and 20 that only
 * HubSpot knows. Every twenty-fourth was entered a second time.
 */
export function companies(): Company[] {
  const shared = numbers(0, counts.salesforce).filter((n) => n % 3 === 0);
  const own = numbers(counts.hubspotFrom, counts.all);
  const twice = shared.filter((n) => n % 24 === 0);
  return [
    ...[...shared, ...own].map((n) => ({
      // Under another name it can be found by its domain alone: both must have one.
      name: n % 6 === 3 && n % 7 !== 6 ? `${nameOf(n)}, Inc.` : nameOf(n),
      domain: n % 12 === 0 ? null : domainOf(n),
      employees: n % 8 === 1 ? null : 10 + ((n * 37) % 990),
      kind: pick(['Other', null], n),
      updated_at: hour(n + 0.5),
    })),
    ...twice.map((n) => ({
      name: nameOf(n),
      domain: domainOf(n),
      employees: 20 + n,
      kind: null,
      updated_at: hour(1000.5 + n),
    })),
  ];
}

function websiteOf(n: number): string {
  const domain = domainOf(n);
  const typed = [
    `https://www.${domain}/`,
    `http://${domain}/about?lang=en`,
    domain,
    `HTTPS://WWW.${domain.toUpperCase()}/contact`,
  ];
  return pick(typed, n);
}

function pick<T>(values: readonly T[], n: number): T {
  return values[n % values.length] as T;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** So many hours after the first change, a year ago. */
function hour(n: number): Date {
  return new Date(Date.UTC(2025, 0, 6) + n * 3_600_000);
}
