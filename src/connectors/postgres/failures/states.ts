/** The SQLSTATEs that blame the record which was written, as a pattern of both JavaScript and PostgreSQL. */
export const recordStates = '^(21|22|23|38|39|44|54|P0|42601|42804)';

/** Those that blame the link, or a server that is full, busy or stopping: another attempt may not meet them. Likewise. */
export const systemStates = '^(08|53|57(?!P04)|58|72|XX|40(?!002)|25P0[34]|55006|55P03)';
