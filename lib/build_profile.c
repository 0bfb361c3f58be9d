// SPDX-License-Identifier: MIT
/*
 * The profile of the Linux build whose boot is being predicted; NULL in every other boot. Set by port/host before
 * start, read by the core through profile_or().
 */
#include <quire/build_profile.h>

#ifdef QUIRE_HOST
const struct build_profile *build_profile;
#else
typedef int build_profile_is_null; /* no object in the image */
#endif
