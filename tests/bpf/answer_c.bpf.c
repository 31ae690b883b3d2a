/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Answers "c...". */
#include "answer.h"

ANSWER_WITH('c')
