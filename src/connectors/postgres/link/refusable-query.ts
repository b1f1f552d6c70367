import { rejection } from '../failures/failures.ts';
import type { Answer, Session } from './session.ts';

/** Runs one statement. @throws RejectedError where a value is to blame that it was given */
export function refusableQuery(
  session: Session,
  text: string,
  values: readonly unknown[],
): Promise<Answer> {
  return session.withClient(async (client) => {
    try {
      return await session.run(client, text, values);
    } catch (error) {
      throw rejection(error) ?? error;
    }
  });
}
