/* SPDX-License-Identifier: MIT */
/*
 * The core's vocabulary: fixed-width integers, addresses, annotations and the few macros
 * that every file needs. Freestanding: only compiler headers are included.
 */
#ifndef QUIRE_TYPES_H
#define QUIRE_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/config.h>

#ifdef QUIRE_BARE
/* The image has no other part that could define a symbol: no detour by the table of addresses. */
#pragma GCC visibility push(hidden)
#endif

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* A physical address, in bytes. */
typedef u64 phys_addr_t;
/* Allocation flags, see quire/gfp.h. */
typedef unsigned int gfp_t;

#ifndef INT_MAX
#define INT_MAX __INT_MAX__
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX (INT_MAX * 2U + 1U)
#define LONG_MAX __LONG_MAX__
#define ULONG_MAX (LONG_MAX * 2UL + 1UL)
#endif
#define U32_MAX ((u32)~0U)
#define U64_MAX ((u64)~0ULL)

#define PHYS_ADDR_MAX (~(phys_addr_t)0)

#define __init
#define __initdata
#define __aligned(x) __attribute__((aligned(x)))
#define __packed __attribute__((packed))
#define __noreturn __attribute__((noreturn))
#define __printf(a, b) __attribute__((format(printf, a, b)))
#define __must_check __attribute__((warn_unused_result))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define noinline __attribute__((noinline))
#define __maybe_unused __attribute__((unused))
#define __cacheline_aligned __aligned(L1_CACHE_BYTES)
#define fallthrough __attribute__((fallthrough))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Tell compiler and analyser what the caller guarantees. */
#define assume(cond)                                                                               \
	do {                                                                                       \
		if (!(cond))                                                                       \
			__builtin_unreachable();                                                   \
	} while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BUILD_BUG_ON(cond) _Static_assert(!(cond), #cond)
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* The address that the current function returns to; symbolised only when shown. */
#define _RET_IP_ ((unsigned long)__builtin_return_address(0))

#define BIT(n) (1UL << (n))
#define GENMASK(h, l) ((~0UL << (l)) & (~0UL >> (63 - (h))))

#define SZ_1K 0x400UL
#define SZ_4K 0x1000UL
#define SZ_16K 0x4000UL
#define SZ_64K 0x10000UL
#define SZ_1M 0x100000UL
#define SZ_2M 0x200000UL
#define SZ_4M 0x400000UL
#define SZ_8M 0x800000UL
#define SZ_16M 0x1000000UL
#define SZ_32M 0x2000000UL
#define SZ_64M 0x4000000UL
#define SZ_128M 0x8000000UL
#define SZ_256M 0x10000000UL
#define SZ_1G 0x40000000UL
#define SZ_2G 0x80000000UL
#define SZ_4G 0x100000000UL

/* `a` must be a power of two. ALIGN rounds up and may wrap to 0 near the top of the range. */
#define ALIGN(x, a) (((x) + ((__typeof__(x))(a)-1)) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a)-1)) == 0)
#define PAGE_ALIGN(x) ALIGN(x, PAGE_SIZE)
#define is_power_of_2(n) ((n) != 0 && (((n) & ((n)-1)) == 0))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))

#define PFN_UP(x) (((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(x) ((x) >> PAGE_SHIFT)
#define PFN_PHYS(x) ((phys_addr_t)(x) << PAGE_SHIFT)
#define PHYS_PFN(x) ((unsigned long)((x) >> PAGE_SHIFT))

#define min(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) _a = (a);                                                            \
		__typeof__(b) _b = (b);                                                            \
		_a < _b ? _a : _b;                                                                 \
	})
#define max(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) _a = (a);                                                            \
		__typeof__(b) _b = (b);                                                            \
		_a > _b ? _a : _b;                                                                 \
	})
#define min_t(t, a, b) min((t)(a), (t)(b))
#define max_t(t, a, b) max((t)(a), (t)(b))
#define clamp(v, lo, hi) min(max(v, lo), hi)
#define swap(a, b)                                                                                 \
	do {                                                                                       \
		__typeof__(a) _t = (a);                                                            \
		(a) = (b);                                                                         \
		(b) = _t;                                                                          \
	} while (0)

/* ThreadSanitizer looks at this build: what plain accesses and barriers of the processor do has to be said as atomic operations. */
#if defined(__SANITIZE_THREAD__)
#define QUIRE_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define QUIRE_TSAN
#endif
#endif

/* One untorn access that the compiler neither repeats nor drops; others may be at it. */
#ifdef QUIRE_TSAN
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#else
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#endif

/* floor(log2(n)); n must not be 0. */
static inline int ilog2(u64 n)
{
	return 63 - __builtin_clzll(n);
}

/* Index of the lowest set bit; n must not be 0. */
static inline int __ffs(u64 n)
{
	return __builtin_ctzll(n);
}

/* The smallest order whose block holds `size` bytes (0 for size 0 and up to one page). */
static inline unsigned int get_order(u64 size)
{
	if (size <= PAGE_SIZE)
		return 0;
	return (unsigned int)(ilog2(size - 1) + 1 - PAGE_SHIFT);
}

static inline u64 roundup_pow_of_two(u64 n)
{
	return n <= 1 ? 1 : 1ULL << (ilog2(n - 1) + 1);
}

static inline u64 rounddown_pow_of_two(u64 n)
{
	return 1ULL << ilog2(n);
}

/* Integer square root, rounded down. */
static inline u64 int_sqrt(u64 x)
{
	u64 bit, y = 0;

	if (x <= 1)
		return x;
	for (bit = 1ULL << (ilog2(x) & ~1); bit; bit >>= 2) {
		u64 t = y + bit;

		y >>= 1;
		if (x >= t) {
			x -= t;
			y += bit;
		}
	}
	return y;
}

/* The errors of the public API, Linux's numbers. Returned negative. */
#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define E2BIG 7
#define ENOEXEC 8
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define ENOTBLK 15
#define EBUSY 16
#define EEXIST 17
#define EXDEV 18
#define ENODEV 19
#define ENOTDIR 20
#define EISDIR 21
#define EINVAL 22
#define ENFILE 23
#define EMFILE 24
#define ENOTTY 25
#define ETXTBSY 26
#define EFBIG 27
#define ENOSPC 28
#define ESPIPE 29
#define EROFS 30
#define EMLINK 31
#define EPIPE 32
#define EDOM 33
#define ERANGE 34
#define EDEADLK 35
#define ENOPKG 65
#define ENAMETOOLONG 36
#define ENOLCK 37
#define ENOSYS 38
#define ENOTEMPTY 39
#define ELOOP 40
#define EWOULDBLOCK EAGAIN
#define ENOMSG 42
#define ENODATA 61
#define ETIME 62
#define EIDRM 43
#define EPROTO 71
#define EOVERFLOW 75
#define ELIBBAD 80
#define EUSERS 87
#define ENOTSOCK 88
#define EDESTADDRREQ 89
#define EMSGSIZE 90
#define EPROTOTYPE 91
#define ENOPROTOOPT 92
#define EPROTONOSUPPORT 93
#define ESOCKTNOSUPPORT 94
#define EOPNOTSUPP 95
#define EAFNOSUPPORT 97
#define EADDRINUSE 98
#define ECONNABORTED 103
#define ECONNRESET 104
#define ENOBUFS 105
#define EISCONN 106
#define ENOTCONN 107
#define ETOOMANYREFS 109
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EALREADY 114
#define EINPROGRESS 115
#define ECANCELED 125
#define EOWNERDEAD 130
#define EHWPOISON 133

#endif
