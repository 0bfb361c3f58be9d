-- SPDX-License-Identifier: MIT
-- A heap of tables and strings, built, dropped in parts and collected, three times over: what remains must be what was put in.
local N, rounds = 16000, 3

local function value(i, r)
	return string.rep(string.char(97 + (i + r) % 26), i % 300 + 1)
end

local peak = 0
for r = 1, rounds do
	local heap, sum = {}, 0
	for i = 1, N do
		heap[i] = { id = i, text = value(i, r), list = { i, i * i % 1009, tostring(i) } }
		-- Every third is garbage at once.
		if i % 3 == 0 then
			heap[i - 1] = nil
		end
	end
	peak = math.max(peak, collectgarbage("count"))
	collectgarbage(r == 2 and "generational" or "incremental")
	collectgarbage()
	for i = 1, N do
		local h = heap[i]
		if i % 3 == 2 and i < N then
			assert(h == nil, "kept what was dropped: " .. i)
		else
			assert(h.id == i and h.text == value(i, r) and h.list[3] == tostring(i), "lost: " .. i)
			sum = sum + h.list[2]
		end
	end
	print(r, sum)
end
collectgarbage()
collectgarbage()
local after = collectgarbage("count")
assert(peak > 4 * 1024, "too small a heap to tell: " .. peak)
assert(after < peak / 10, "not collected: " .. after .. " of " .. peak)

-- Coroutines and closures: stacks that grow and go.
local function deep(n)
	if n == 0 then
		return coroutine.yield(0)
	end
	return 1 + deep(n - 1)
end
local total = 0
for _ = 1, 50 do
	local co = coroutine.create(deep)
	assert(coroutine.resume(co, 5000))
	local ok, depth = coroutine.resume(co, 0)
	assert(ok and depth == 5000)
	total = total + depth
end
print(total == 250000 and "LUA OK" or "LUA BAD")
