/** The modes a sync can run in (DESIGN section 2). */
export const modes = ['upsert', 'update', 'create', 'mirror'] as const;

/** The name of a mode. */
export type Mode = (typeof modes)[number];

/** What a mode allows a sync to do at its destination. Code asks these, never the name. */
export interface Permissions {
  readonly create: boolean;
  readonly update: boolean;
  readonly remove: boolean;
}

const permissions: Record<Mode, Permissions> = {
  upsert: { create: true, update: true, remove: false },
  update: { create: false, update: true, remove: false },
  create: { create: true, update: false, remove: false },
  mirror: { create: true, update: true, remove: true },
};

/** The permissions that `mode` stands for. */
export function permissionsOf(mode: Mode): Permissions {
  return permissions[mode];
}

/** Which modes a destination honours: `true`, or the reason why not. */
export type ModeSupport = Readonly<Record<Mode, true | string>>;

/** Every mode is honoured. */
export const allModes: ModeSupport = { upsert: true, update: true, create: true, mirror: true };
