#pragma once

#include "compile/classes.h"

/* Adds a class's chain to the table: what its policies allow returns, the rest is denied. */
void class_chain_compile(struct compiler *compiler, struct table *table, struct class *class);
