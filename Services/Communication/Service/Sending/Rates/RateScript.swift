import Redis

/// `RateBucket` at the server, by the server's clock, for all processes at once.
enum RateScript {
    /// Takes a token of each of one or two buckets, and more if they are there, or says how long to stay away and takes none.
    ///
    /// KEYS the buckets, in the order in which they are asked, then, where clinics share the last one, the set of those that
    /// wait for it with the message's priority, by the end of each one's queue. ARGV rank, microseconds that a claim lasts,
    /// microseconds of the shortest wait, tokens at most, a day since 1970 and how many had gone by it (-1: not said), whether
    /// what is kept may not be all, whether whoever finds no token waits for one, the clinic; then for each bucket tokens per
    /// second, burst, daily cap (0: none). Gives `taken` and how many were, or `rate` or `cap`, whichever is used up in the
    /// first bucket that has nothing, and microseconds to wait, or `uncounted` and the day of which it has to be told. With a
    /// cap what is taken is counted, each day from what it is told of; without one nobody counts, as tokens are fetched that
    /// nobody may need. A bucket expires when forgetting it changes nothing.
    static let take = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local rank, lasts, shortest, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
        local told, gone, again = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
        local waits, clinic = tonumber(ARGV[8]) == 1, ARGV[9]
        local day = math.floor(now / 86400000000)
        local function text(number) return string.format('%.0f', number) end
        local function others(shared)
          redis.call('ZREMRANGEBYSCORE', shared, '-inf', text(now))
          return redis.call('ZCARD', shared) - (redis.call('ZSCORE', shared, clinic) and 1 or 0)
        end
        local buckets = {}
        for place = 1, (#ARGV - 9) / 3 do
          local rate, burst = tonumber(ARGV[7 + 3 * place]), tonumber(ARGV[8 + 3 * place])
          local cap = tonumber(ARGV[9 + 3 * place])
          local kept = redis.call('HMGET', KEYS[place], 'tokens', 'filled', 'day', 'count',
            'claim0', 'claim1', 'claim2', 'queue0', 'queue1', 'queue2', 'served')
          local tokens = tonumber(kept[1] or burst)
          local filled = tonumber(kept[2] or now)
          if now > filled then tokens = tokens + (now - filled) * rate / 1000000 end
          local count = 0
          if cap > 0 then
            local counted = tonumber(kept[3] or -1) == day
            if told ~= day and (again == 1 or not counted) then return {'uncounted', day} end
            if counted then count = tonumber(kept[4]) end
            if told == day and (again == 1 or not counted) then count = math.max(count, gone) end
          end
          local claims, queues = {}, {}
          for class = 0, 2 do
            claims[class] = tonumber(kept[5 + class] or now)
            queues[class] = tonumber(kept[8 + class] or now)
          end
          local wanted = 1
          for higher = 0, rank - 1 do
            if claims[higher] > now then wanted = wanted + 1 end
          end
          local shared = place == (#ARGV - 9) / 3 and KEYS[place + 1]
          if shared and kept[11] == clinic and others(shared) > 0 then wanted = math.min(wanted + 1, burst) end
          buckets[place] = {rate = rate, burst = burst, cap = cap, tokens = math.min(burst, tokens), count = count,
            claims = claims, queues = queues, wanted = wanted, shared = shared}
        end
        local answer
        for place, bucket in ipairs(buckets) do
          if bucket.cap > 0 and bucket.count >= bucket.cap then
            answer = {'cap', (day + 1) * 86400000000 - now}
            break
          end
          if bucket.tokens + 0.000001 < bucket.wanted then
            local step = math.ceil(1000000 / bucket.rate)
            local soonest = now + math.max(shortest, math.ceil((bucket.wanted - bucket.tokens) / bucket.rate * 1000000))
            local last = math.max(soonest, bucket.queues[rank])
            local due, waiting = last, 1
            local shared = bucket.shared
            if shared then
              waiting = others(shared) + 1
              due = math.min(last, math.max(soonest, tonumber(redis.call('ZSCORE', shared, clinic) or now)))
            end
            if waits then
              bucket.queues[rank] = last + step
              bucket.claims[rank] = math.max(bucket.claims[rank], due + lasts)
              if shared then
                redis.call('ZADD', shared, text(due + waiting * step), clinic)
                local final = redis.call('ZRANGE', shared, -1, -1, 'WITHSCORES')
                redis.call('PEXPIRE', shared, math.ceil((tonumber(final[2]) - now) / 1000) + 1000)
              end
            end
            answer = {'rate', due - now}
            break
          end
          most = math.min(most, math.floor(bucket.tokens + 0.000001) - bucket.wanted + 1)
        end
        if not answer then
          local taken = math.max(1, most)
          for _, bucket in ipairs(buckets) do
            bucket.tokens = bucket.tokens - taken
            bucket.count = bucket.count + taken
          end
          answer = {'taken', taken}
        end
        for place, bucket in ipairs(buckets) do
          local key, claims, queues = KEYS[place], bucket.claims, bucket.queues
          redis.call('HSET', key, 'tokens', string.format('%.9f', bucket.tokens), 'filled', text(now),
            'claim0', text(claims[0]), 'claim1', text(claims[1]), 'claim2', text(claims[2]),
            'queue0', text(queues[0]), 'queue1', text(queues[1]), 'queue2', text(queues[2]))
          if bucket.shared and answer[1] == 'taken' then redis.call('HSET', key, 'served', clinic) end
          if bucket.cap > 0 then
            redis.call('HSET', key, 'day', text(day), 'count', text(bucket.count))
          else
            redis.call('HDEL', key, 'day', 'count')
          end
          local needed = now + (bucket.burst - bucket.tokens) / bucket.rate * 1000000
          for class = 0, 2 do needed = math.max(needed, claims[class], queues[class]) end
          if bucket.cap > 0 then needed = math.max(needed, (day + 1) * 86400000000) end
          redis.call('PEXPIRE', key, math.ceil((needed - now) / 1000) + 1000)
        end
        return answer
        """
    )
}
