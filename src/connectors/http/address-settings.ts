import { z } from 'zod';

/** The schema of a base address, without credentials in it. */
export const addressSchema = z
  .url({ protocol: /^https?$/ })
  .refine((url) => !/^https?:\/\/[^/?#]*@/i.test(url), 'credentials belong into auth');
