// SPDX-License-Identifier: MIT
/* A program's pages in the kernel's hands: what get_user_page (fault.c) gave. */
#include "internal.h"

void user_page_put(struct page *page)
{
	put_user_page(page);
}

bool user_page_is_anon(const struct page *page)
{
	return page_is_anon(page);
}
