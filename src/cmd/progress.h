#pragma once

/* A line on standard error about what is going on, where a person sees it (a terminal) and where it
 * takes longer than a second. One at a time; what is static text. */
void progress_begin(const char *what);
void progress_end(void);
