/* SPDX-License-Identifier: MIT */
#include <linux/memblock.h>
