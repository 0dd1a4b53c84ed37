#pragma once

#include "base/strbuf.h"
#include "iptables/words.h"
#include "rules/ruleset.h"

/* The arguments of iptables' options: each reader takes what a person or a tool may write
 * ("10/minute") and adds what iptables-save writes for it ("10/min"), which is how two spellings of
 * one rule become equal. False where it is not such an argument. */

/* A rule while it is read. */
struct reading {
        struct ruleset *ruleset;
        enum family family;
        enum protocol protocol; /* of the rule so far */
        /* An administrator's command, not a save: what penstock cannot put into iptables-save's
         * form is not understood. */
        bool command;
};

/* words: one, or as many as the option takes. */
typedef bool (*argument_reader)(const struct reading *reading, const struct word *words,
                                struct strbuf *out);

/* As iptables-save quotes: bare where it is letters, digits, - and _ only. */
void print_quoted(const char *text, struct strbuf *out);
/* "src,dst": which of a packet's ends each dimension of a set is compared with. */
bool set_ends_parse(const char *text, uint8_t ends[static SET_DIMENSIONS], uint8_t *ret_n);

bool argument_number(const struct reading *, const struct word *, struct strbuf *);
bool argument_number_range(const struct reading *, const struct word *, struct strbuf *); /* 1:2 */
bool argument_open_range(const struct reading *, const struct word *,
                         struct strbuf *); /* 1:, :2; 16 bits */
bool argument_queues(const struct reading *, const struct word *, struct strbuf *); /* 0:3 */
bool argument_ids(const struct reading *, const struct word *, struct strbuf *);    /* 0-5 */
bool argument_hex(const struct reading *, const struct word *, struct strbuf *);    /* 0x5 */
bool argument_byte(const struct reading *, const struct word *, struct strbuf *);   /* 0x0a */
bool argument_masked(const struct reading *, const struct word *, struct strbuf *); /* 0x1/0x3 */
bool argument_both(const struct reading *, const struct word *, struct strbuf *);   /* mask, too */
bool argument_tos(const struct reading *, const struct word *, struct strbuf *);    /* 0x10/0xff */
bool argument_class(const struct reading *, const struct word *, struct strbuf *);  /* 0001:0010 */
/* The ways to say what becomes of a mark, all as --set-xmark has it. */
bool argument_set_mark(const struct reading *, const struct word *, struct strbuf *);
bool argument_or_mark(const struct reading *, const struct word *, struct strbuf *);
bool argument_and_mark(const struct reading *, const struct word *, struct strbuf *);
bool argument_xor_mark(const struct reading *, const struct word *, struct strbuf *);
/* Rounded to what the kernel counts in: a ten-thousandth of a second, a millionth. */
bool argument_rate(const struct reading *, const struct word *, struct strbuf *);
bool argument_fine_rate(const struct reading *, const struct word *, struct strbuf *);
bool argument_states(const struct reading *, const struct word *, struct strbuf *); /* NEW,DNAT */
bool argument_hash_mode(const struct reading *, const struct word *, struct strbuf *);
bool argument_probability(const struct reading *, const struct word *, struct strbuf *);
bool argument_name(const struct reading *, const struct word *, struct strbuf *); /* bare */
bool argument_text(const struct reading *, const struct word *, struct strbuf *); /* print_quoted */
bool argument_quoted(const struct reading *, const struct word *, struct strbuf *); /* always */
bool argument_mac(const struct reading *, const struct word *, struct strbuf *);
bool argument_ip(const struct reading *, const struct word *, struct strbuf *);
bool argument_prefix(const struct reading *, const struct word *, struct strbuf *);
bool argument_protocol(const struct reading *, const struct word *, struct strbuf *);
bool argument_nat(const struct reading *, const struct word *, struct strbuf *);
bool argument_nat_ports(const struct reading *, const struct word *, struct strbuf *);
bool argument_any(const struct reading *, const struct word *, struct strbuf *);   /* any */
bool argument_level(const struct reading *, const struct word *, struct strbuf *); /* of syslog */
bool argument_zone(const struct reading *, const struct word *, struct strbuf *);  /* 1, mark */
bool argument_set(const struct reading *, const struct word *, struct strbuf *); /* name src,dst */
/* As iptables-save wrote it; of a command nothing. */
bool argument_saved(const struct reading *, const struct word *, struct strbuf *);
bool argument_saved_two(const struct reading *, const struct word *, struct strbuf *);
