#pragma once

/* Seconds of a clock that only goes forward: for how long something took, not for what time it is.
 */
double clock_seconds(void);
