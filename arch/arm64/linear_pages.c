// SPDX-License-Identifier: MIT
/*
 * What debugging asks of the linear map: to be made of pages from the start, so that any one of them can be taken away and put back
 * by one store, on all CPUs, without a table and without break-before-make.
 */
#include <quire/pgtable.h>

bool linear_map_in_pages;
unsigned long linear_hidden_pages;

unsigned int linear_map_flags(void)
{
	return MAP_NO_EXEC | (linear_map_in_pages ? MAP_NO_BLOCKS | MAP_NO_CONT : 0);
}
