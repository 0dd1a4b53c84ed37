#include "cmd/colours.h"

#include <stdlib.h>
#include <unistd.h>

const struct colours *colours_of_output(void)
{
        static const struct colours none = {"", "", ""};
        static const struct colours green_and_red = {"\033[32m", "\033[31m", "\033[0m"};

        return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") ? &green_and_red : &none;
}
