/** Return the words of a text that commas or spaces separate. */
export const listOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);
