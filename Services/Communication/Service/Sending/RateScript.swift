import Redis

/// `RateBucket` at the server, by the server's clock, for all processes at once.
enum RateScript {
    /// Takes a token, and more if they are there, or says how long to stay away.
    ///
    /// KEYS bucket; ARGV tokens per second, burst, daily cap (0: none), rank, microseconds that a claim lasts, microseconds
    /// of the shortest wait, tokens at most, a day since 1970 and how many had gone by it (-1: not said), whether what is kept
    /// may not be all, whether whoever finds no token waits for one. Gives `taken` and how many were, or `rate` or `cap`, whichever is used up, and microseconds to wait, or
    /// `uncounted` and the day of which it has to be told, and takes nothing. With a cap what is taken is counted, each day from
    /// what it is told of; without one nobody counts, as tokens are fetched that nobody may need. The bucket expires when forgetting it changes nothing.
    static let take = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local rate, burst, cap = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        local rank, lasts, shortest, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
        local told, gone, again = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
        local waits = tonumber(ARGV[11]) == 1
        local kept = redis.call('HMGET', KEYS[1], 'tokens', 'filled', 'day', 'count',
          'claim0', 'claim1', 'claim2', 'queue0', 'queue1', 'queue2')
        local tokens = tonumber(kept[1] or burst)
        local filled = tonumber(kept[2] or now)
        if now > filled then tokens = tokens + (now - filled) * rate / 1000000 end
        tokens = math.min(burst, tokens)
        local day, count = math.floor(now / 86400000000), 0
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
        local answer
        if cap > 0 and count >= cap then
          answer = {'cap', (day + 1) * 86400000000 - now}
        else
          local wanted = 1
          for higher = 0, rank - 1 do
            if claims[higher] > now then wanted = wanted + 1 end
          end
          if tokens + 0.000001 >= wanted then
            local taken = math.max(1, math.min(most, math.floor(tokens + 0.000001) - wanted + 1))
            tokens = tokens - taken
            count = count + taken
            answer = {'taken', taken}
          else
            local due = now + math.max(shortest, math.ceil((wanted - tokens) / rate * 1000000))
            due = math.max(due, queues[rank])
            if waits then
              queues[rank] = due + math.ceil(1000000 / rate)
              claims[rank] = math.max(claims[rank], due + lasts)
            end
            answer = {'rate', due - now}
          end
        end
        local function text(number) return string.format('%.0f', number) end
        redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'filled', text(now),
          'claim0', text(claims[0]), 'claim1', text(claims[1]), 'claim2', text(claims[2]),
          'queue0', text(queues[0]), 'queue1', text(queues[1]), 'queue2', text(queues[2]))
        if cap > 0 then
          redis.call('HSET', KEYS[1], 'day', text(day), 'count', text(count))
        else
          redis.call('HDEL', KEYS[1], 'day', 'count')
        end
        local needed = now + (burst - tokens) / rate * 1000000
        for class = 0, 2 do needed = math.max(needed, claims[class], queues[class]) end
        if cap > 0 then needed = math.max(needed, (day + 1) * 86400000000) end
        redis.call('PEXPIRE', KEYS[1], math.ceil((needed - now) / 1000) + 1000)
        return answer
        """
    )
}
