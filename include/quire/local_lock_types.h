/* SPDX-License-Identifier: MIT */
/* The lock of <quire/local_lock.h>, for those who have one in a structure. */
#ifndef QUIRE_LOCAL_LOCK_TYPES_H
#define QUIRE_LOCAL_LOCK_TYPES_H

#include <quire/types.h>

struct local_lock {
	u32 busy;
	u32 wanted;
};

#endif
