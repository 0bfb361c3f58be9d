// SPDX-License-Identifier: MIT
#include "poll.h"

void epoll_forget(struct open_file *f)
{
	(void)f;
}
