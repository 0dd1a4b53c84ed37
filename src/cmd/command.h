#pragma once

/* A subcommand: one file in cmd/, one row in main.c. */
struct command {
        const char *name;
        const char *summary;               /* a line for `penstock --help` */
        int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
};

/* What a command returns; its names are those of `penstock --help` and the man pages. */
enum exit_status {
        EXIT_YES = 0,     /* done, allowed, equal */
        EXIT_NO = 1,      /* denied, differs */
        EXIT_USAGE = 2,   /* bad usage or bad input; nothing changed */
        EXIT_TROUBLE = 3, /* could not be decided or carried out */
};

int cmd_agent(int argc, char **argv);
int cmd_apply(int argc, char **argv);
int cmd_cleanup(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_render(int argc, char **argv);
int cmd_verify(int argc, char **argv);
