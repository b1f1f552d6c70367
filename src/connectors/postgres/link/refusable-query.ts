import { rejection } from '../failures/failures.ts';
import type { Answer, Session } from './session.ts';

/**
 * Runs one statement.
 * @throws RejectedError when one of the values given to it is at fault
 */
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
