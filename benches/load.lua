-- What wrk asks for, and how it says what it measured. The environment names the request, so that no secret stands in a list of processes.

local body = os.getenv("LOAD_BODY")
if body then
   wrk.method = "POST"
   wrk.body = body
   wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end
local token = os.getenv("LOAD_TOKEN")
if token then
   wrk.headers["Authorization"] = "Bearer " .. token
end

local cookie = os.getenv("LOAD_COOKIE")
if cookie then
   wrk.headers["Cookie"] = cookie
end

-- A stretch of a file, by a link that holds a signature.
local path = os.getenv("LOAD_PATH")
if path then
   wrk.path = path
   wrk.headers["Range"] = os.getenv("LOAD_RANGE")
end

-- A file of refresh tokens, one for each thread. With one connection a thread, each connection carries its token on as it is replaced.
local refresh_tokens = os.getenv("LOAD_REFRESH_TOKENS")
if refresh_tokens then
   local threads = 0

   function setup(thread)
      threads = threads + 1
      thread:set("number", threads)
   end

   function init()
      local line = 0
      for each in io.lines(refresh_tokens) do
         line = line + 1
         if line == number then
            held = each
         end
      end
   end

   function request()
      return wrk.format(nil, nil, nil, body .. "&refresh_token=" .. held)
   end

   function response(status, headers, answer)
      held = answer:match('"refresh_token":"([^"]+)"') or held
   end
end

-- A fixed rate: each request of a thread has its time, and goes out then or, if no connection is free, as soon as one is.
local gap = tonumber(os.getenv("LOAD_GAP_MS"))
if gap then
   local ffi = require("ffi")
   ffi.cdef("typedef struct { long seconds, nanoseconds; } moment; int clock_gettime(int clock, moment *now);")
   local MONOTONIC, now, due = 1, ffi.new("moment"), nil

   function delay()
      ffi.C.clock_gettime(MONOTONIC, now)
      local at = tonumber(now.seconds) * 1e3 + tonumber(now.nanoseconds) / 1e6
      due = (due or at) + gap
      return math.max(0, due - at)
   end
end

function done(summary, latency)
   local failed = summary.errors
   io.write(
      string.format(
         'RESULT {"requests": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f, "refused": %d, "broken": %d}\n',
         summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
         failed.status, failed.connect + failed.read + failed.write + failed.timeout
      )
   )
end
