/** What would be something else in a configuration. */
export const ODD = [" ", ";", "}", "{", "'", '"', "\\", "$", "#", "\n", "\r", "\0", "\t", "é"];
