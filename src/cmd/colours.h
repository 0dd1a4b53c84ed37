#pragma once

/* The escape sequences that colour standard output; all are "" where it is no terminal or NO_COLOR
 * is set. Static. */
struct colours {
        const char *good, *bad;
        const char *plain; /* ends either */
};

const struct colours *colours_of_output(void);
