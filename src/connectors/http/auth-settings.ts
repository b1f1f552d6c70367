import { z } from 'zod';
import { addressSchema } from './address-settings.ts';

const text = z.string().min(1);

const oauth2 = {
  type: z.literal('oauth2'),
  tokenUrl: addressSchema.describe('Where tokens are issued.'),
  clientId: text.describe('The client id.'),
  scope: text.optional().describe('The scope to ask for.'),
  address: text
    .optional()
    .describe(
      "Dotted path of the API's base address in the answer with the token, such as instance_url: it takes the place of the origin of url.",
    ),
};

/** The schema of `auth:`. */
export const authSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('bearer'), token: text.describe('The token.') }),
  z.strictObject({
    type: z.literal('basic'),
    username: z.string().describe('The user name.'),
    password: z.string().describe('The password.'),
  }),
  z.strictObject({
    type: z.literal('header'),
    name: text.describe('The header, such as X-Api-Key.'),
    value: text.describe('Its value.'),
  }),
  z.strictObject({
    type: z.literal('query'),
    name: text.describe('The query parameter, such as api_key.'),
    value: text.describe('Its value.'),
  }),
  z.discriminatedUnion('grant', [
    z.strictObject({
      ...oauth2,
      grant: z
        .literal('client_credentials')
        .optional()
        .describe('The client asks for itself. The default.'),
      clientSecret: text.describe('The client secret.'),
    }),
    z.strictObject({
      ...oauth2,
      grant: z.literal('refresh_token').describe('A person has allowed access once.'),
      clientSecret: text.optional().describe('The client secret. Absent: a public client.'),
      refreshToken: text.describe(
        'The refresh token to begin with. Where the API hands out new ones, the newest is kept.',
      ),
    }),
    z.strictObject({
      ...oauth2,
      grant: z.literal('jwt_bearer').describe('A signed statement says for whom the client acts.'),
      privateKey: text.describe('The RSA key that signs, in PEM.'),
      subject: text.describe('The user that the client acts for.'),
      audience: text
        .optional()
        .describe('Whom the statement is meant for. Default: the origin of tokenUrl.'),
    }),
  ]),
]);
