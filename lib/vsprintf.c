// SPDX-License-Identifier: MIT
/*
 * Formatted output without libc: see <quire/printk.h> for the conversions.
 *
 * One pass over the format; every byte goes through put(), which counts the full length and stores what fits, so
 * that truncation needs no special case. No state, safe in any context.
 */
#include <quire/port.h>
#include <quire/printk.h>
#include <quire/string.h>

struct sink {
	char *pos, *end; /* end points at the byte kept for the terminator */
	size_t total;
};

static inline void put(struct sink *s, char c)
{
	if (s->pos < s->end)
		*s->pos++ = c;
	s->total++;
}

static void put_bytes(struct sink *s, const char *p, size_t n)
{
	size_t room = (size_t)(s->end - s->pos);
	size_t fit = n < room ? n : room;

	memcpy(s->pos, p, fit);
	s->pos += fit;
	s->total += n;
}

static void put_repeated(struct sink *s, char c, int n)
{
	while (n-- > 0)
		put(s, c);
}

struct spec {
	bool left, zero, plus, space, alt, upper;
	int width, precision; /* precision -1: not given */
};

/* digits in a buffer from the end; returns the first digit. 66 bytes hold 64 octal digits and a prefix. */
static char *digits(char *end, u64 v, unsigned int base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	if (base == 16) {
		do
			*--end = set[v & 15];
		while (v >>= 4);
	} else if (base == 8) {
		do
			*--end = (char)('0' + (v & 7));
		while (v >>= 3);
	} else {
		do {
			u64 q = v / 10;

			*--end = (char)('0' + (v - q * 10));
			v = q;
		} while (v);
	}
	return end;
}

static void put_number(struct sink *s, u64 v, bool negative, unsigned int base, struct spec sp)
{
	char buf[66], sign = 0;
	const char *prefix = "";
	char *end = buf + sizeof(buf), *d = digits(end, v, base, sp.upper);
	int ndigits = (int)(end - d), nprefix, zeros, pad;

	/* C11 7.21.6.1: an explicit precision 0 prints a zero value as nothing. */
	if (sp.precision == 0 && v == 0)
		ndigits = 0;
	if (negative)
		sign = '-';
	else if (sp.plus)
		sign = '+';
	else if (sp.space)
		sign = ' ';
	/* As Linux and unlike C, 0 has its 0x too: the log's [mem 0x0000000000000000-...] stays aligned. */
	if (sp.alt && base == 16)
		prefix = sp.upper ? "0X" : "0x";
	else if (sp.alt && base == 8 && v)
		prefix = "0";
	nprefix = (int)strlen(prefix);
	zeros = sp.precision > ndigits ? sp.precision - ndigits : 0;
	pad = sp.width - ndigits - zeros - nprefix - (sign ? 1 : 0);
	if (sp.zero && !sp.left && sp.precision < 0 && pad > 0) {
		zeros += pad;
		pad = 0;
	}
	if (!sp.left)
		put_repeated(s, ' ', pad);
	if (sign)
		put(s, sign);
	put_bytes(s, prefix, (size_t)nprefix);
	put_repeated(s, '0', zeros);
	put_bytes(s, end - ndigits, (size_t)ndigits);
	if (sp.left)
		put_repeated(s, ' ', pad);
}

static void put_string(struct sink *s, const char *str, struct spec sp)
{
	size_t n;

	if (!str)
		str = "(null)";
	n = sp.precision >= 0 ? strnlen(str, (size_t)sp.precision) : strlen(str);
	if (!sp.left)
		put_repeated(s, ' ', sp.width - (int)n);
	put_bytes(s, str, n);
	if (sp.left)
		put_repeated(s, ' ', sp.width - (int)n);
}

/* symbol+0xoff/0xsize, or the bare address when no symbol covers it. */
static void put_symbol(struct sink *s, unsigned long addr, bool offset, struct spec sp)
{
	unsigned long off = 0, size = 0;
	const char *name = port_symbolize(addr, &off, &size);
	struct spec hex = {.alt = true, .precision = -1};

	if (!name) {
		put_number(s, addr, false, 16, hex);
		return;
	}
	put_string(s, name, sp);
	if (offset) {
		put(s, '+');
		put_number(s, off, false, 16, hex);
		put(s, '/');
		put_number(s, size, false, 16, hex);
	}
}

/* %p and its two extensions. Returns the number of extension letters used. */
static int put_pointer(struct sink *s, const char *ext, void *p, struct spec sp)
{
	struct spec full = {.alt = true, .zero = true, .width = 18, .precision = -1};

	switch (*ext) {
	case 'S':
	case 's':
		put_symbol(s, (unsigned long)p, *ext == 'S', sp);
		return 1;
	case 'a':
		put_number(s, *(phys_addr_t *)p, false, 16, full);
		return 1;
	default:
		put_number(s, (unsigned long)p, false, 16, full);
		return 0;
	}
}

static const char *parse_flags(const char *f, struct spec *sp)
{
	for (;; f++) {
		switch (*f) {
		case '-':
			sp->left = true;
			break;
		case '0':
			sp->zero = true;
			break;
		case '+':
			sp->plus = true;
			break;
		case ' ':
			sp->space = true;
			break;
		case '#':
			sp->alt = true;
			break;
		default:
			return f;
		}
	}
}

static const char *parse_decimal(const char *f, int *value)
{
	*value = 0;
	while (*f >= '0' && *f <= '9') {
		if (*value < 100000)
			*value = *value * 10 + (*f - '0');
		f++;
	}
	return f;
}

/* Length modifiers as the number of bytes of the argument. */
static const char *parse_length(const char *f, unsigned int *bytes)
{
	*bytes = sizeof(int);
	if (*f == 'l') {
		*bytes = sizeof(long);
		f += f[1] == 'l' ? 2 : 1;
	} else if (*f == 'h') {
		*bytes = f[1] == 'h' ? 1 : 2;
		f += f[1] == 'h' ? 2 : 1;
	} else if (*f == 'z' || *f == 't' || *f == 'j') {
		*bytes = sizeof(size_t);
		f++;
	}
	return f;
}

int quire_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct sink s = {.pos = buf, .end = size ? buf + size - 1 : buf, .total = 0};
	const char *f = fmt;
	va_list args;

	va_copy(args, ap);
	while (*f) {
		struct spec sp = {.precision = -1};
		const char *plain = f;
		unsigned int bytes;
		char conv;

		while (*f && *f != '%')
			f++;
		if (f != plain) {
			put_bytes(&s, plain, (size_t)(f - plain));
			continue;
		}
		f = parse_flags(f + 1, &sp);
		if (*f == '*') {
			sp.width = va_arg(args, int);
			if (sp.width < 0) {
				sp.left = true;
				sp.width = -sp.width;
			}
			f++;
		} else {
			f = parse_decimal(f, &sp.width);
		}
		if (*f == '.') {
			f++;
			if (*f == '*') {
				sp.precision = va_arg(args, int);
				f++;
			} else {
				f = parse_decimal(f, &sp.precision);
			}
		}
		f = parse_length(f, &bytes);
		conv = *f;
		if (!conv)
			break;
		f++;
		switch (conv) {
		case 'd':
		case 'i': {
			s64 v = bytes == 8 ? va_arg(args, s64) : va_arg(args, int);

			if (bytes == 2)
				v = (s16)v;
			else if (bytes == 1)
				v = (s8)v;
			put_number(&s, v < 0 ? 0 - (u64)v : (u64)v, v < 0, 10, sp);
			break;
		}
		case 'u':
		case 'x':
		case 'X':
		case 'o': {
			u64 v = bytes == 8 ? va_arg(args, u64) : va_arg(args, unsigned int);

			if (bytes == 2)
				v = (u16)v;
			else if (bytes == 1)
				v = (u8)v;
			sp.upper = conv == 'X';
			put_number(&s, v, false, conv == 'u' ? 10 : conv == 'o' ? 8 : 16, sp);
			break;
		}
		case 'c':
			if (!sp.left)
				put_repeated(&s, ' ', sp.width - 1);
			put(&s, (char)va_arg(args, int));
			if (sp.left)
				put_repeated(&s, ' ', sp.width - 1);
			break;
		case 's':
			put_string(&s, va_arg(args, const char *), sp);
			break;
		case 'p':
			f += put_pointer(&s, f, va_arg(args, void *), sp);
			break;
		case '%':
			put(&s, '%');
			break;
		default:
			/* Unknown: show it as written, so that the mistake is seen. */
			put(&s, '%');
			put(&s, conv);
		}
	}
	va_end(args);
	if (size)
		*s.pos = '\0';
	return s.total > INT_MAX ? INT_MAX : (int)s.total;
}

int quire_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = quire_vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}
