/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef XFN_TESTS_CLASSIFY_RANDOM_H
#define XFN_TESTS_CLASSIFY_RANDOM_H

struct harness;

/* Random rulesets and packets: the programs against xfn_ruleset_find(). One test. */
void classify_random(struct harness *harness);

#endif
