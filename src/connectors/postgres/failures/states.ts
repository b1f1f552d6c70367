/** SQLSTATEs that blame the written record, as a pattern for both JavaScript and PostgreSQL. */
export const recordStates = '^(21|22|23|38|39|44|54|P0|42601|42804)';

/**
 * SQLSTATEs that blame the link, or a server that is full, busy or stopping, so that another attempt may succeed; the
 * same kind of pattern.
 */
export const systemStates = '^(08|53|57(?!P04)|58|72|XX|40(?!002)|25P0[34]|55006|55P03)';
