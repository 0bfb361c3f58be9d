// SPDX-License-Identifier: MIT
/* Lua: lua FILE ARGUMENTS..., lua -e TEXT, or from standard input. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	lua_State *l = luaL_newstate();
	int text = argc > 2 && !strcmp(argv[1], "-e"), bad;

	if (!l)
		return 2;
	luaL_openlibs(l);
	lua_newtable(l);
	for (int i = 0; i < argc; i++) {
		lua_pushstring(l, argv[i]);
		lua_rawseti(l, -2, i - 1 - text);
	}
	lua_setglobal(l, "arg");
	bad = text ? luaL_dostring(l, argv[2]) : luaL_dofile(l, argc > 1 ? argv[1] : NULL);
	if (bad)
		fprintf(stderr, "lua: %s\n", lua_tostring(l, -1));
	lua_close(l);
	return bad != 0;
}
