import { accountId, domainOf, nameOf } from './companies.ts';

/** A change that somebody makes in one of the systems. */
interface Change {
  readonly system: 'salesforce' | 'hubspot';
  readonly what: string;
  readonly sql: string;
}

/** The company whose story is told: a customer, twice in Salesforce, and in HubSpot as `…, Inc.`. */
export const hero = {
  n: 45,
  name: nameOf(45),
  renamed: `${nameOf(45)} Group`,
  employees: 720,
} as const;

/** A prospect that HubSpot does not have. */
export const signed = 2;
/** A customer without a website, known to Salesforce alone. */
export const enteredAgain = 20;
/** A prospect that only Salesforce has. */
export const lost = 7;
/** A customer that HubSpot has too. */
export const departed = 6;

/** The changes that people make once both systems agree. */
export const changes: readonly Change[] = [
  {
    system: 'salesforce',
    what: `${hero.name} is renamed ${hero.renamed}`,
    sql: `UPDATE account SET "Name" = '${hero.renamed}' WHERE "Id" = '${accountId(hero.n)}'`,
  },
  {
    system: 'hubspot',
    what: `the same company gets ${hero.employees} employees, and a name that Salesforce overrules`,
    sql: `UPDATE companies SET employees = ${hero.employees}, name = '${hero.name} (old)' WHERE name = '${hero.name}'`,
  },
  {
    system: 'salesforce',
    what: `${nameOf(enteredAgain)} is entered again, this time with a website`,
    sql: `INSERT INTO account ("Id", "Name", "Type", "Website") VALUES ('${accountId(2000)}', '${nameOf(enteredAgain)}', 'Prospect', 'www.${domainOf(enteredAgain)}')`,
  },
  {
    system: 'salesforce',
    what: `${nameOf(signed)}, a prospect, becomes a customer`,
    sql: `UPDATE account SET "Type" = 'Customer' WHERE "Id" = '${accountId(signed)}'`,
  },
  {
    system: 'salesforce',
    what: `${nameOf(lost)}, which HubSpot never had, and ${nameOf(departed)}, which it has, are deleted`,
    sql: `UPDATE account SET "IsDeleted" = true WHERE "Id" IN ('${accountId(lost)}', '${accountId(departed)}')`,
  },
];
