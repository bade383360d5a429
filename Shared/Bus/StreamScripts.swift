import Redis

/// What has to happen in one step at the server.
enum StreamScripts {
    /// Drops what every declared group has read and acknowledged.
    ///
    /// KEYS stream; ARGV the groups. Gives the first id that is kept: everything below it is confirmed by everyone. Gives
    /// nothing, and drops nothing, while the stream or one of the groups is missing.
    static let trim = RedisScript(
        """
        if redis.call('EXISTS', KEYS[1]) == 0 then return false end
        local function split(id)
          local ms, n = string.match(id, '^(%d+)-(%d+)$')
          return tonumber(ms), tonumber(n)
        end
        local function below(a, b)
          local am, an = split(a)
          local bm, bn = split(b)
          return am < bm or (am == bm and an < bn)
        end
        local function after(id)
          local ms, n = split(id)
          return string.format('%.0f-%.0f', ms, n + 1)
        end
        local delivered = {}
        for _, row in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
          local group = {}
          for i = 1, #row, 2 do group[row[i]] = row[i + 1] end
          delivered[group['name']] = group['last-delivered-id']
        end
        local floor = nil
        for _, name in ipairs(ARGV) do
          if not delivered[name] then return false end
          local mine = after(delivered[name])
          local pending = redis.call('XPENDING', KEYS[1], name)
          if pending[1] > 0 and below(pending[2], mine) then mine = pending[2] end
          if not floor or below(mine, floor) then floor = mine end
        end
        if not floor then
          local info = redis.call('XINFO', 'STREAM', KEYS[1])
          for i = 1, #info, 2 do
            if info[i] == 'last-generated-id' then floor = after(info[i + 1]) end
          end
        end
        redis.call('XTRIM', KEYS[1], 'MINID', '=', floor)
        return floor
        """
    )

    /// Removes a consumer that has nothing pending: a plain XGROUP DELCONSUMER would throw its entries away.
    ///
    /// KEYS stream; ARGV group, consumer, least idle milliseconds. Gives 1 when it was removed.
    static let removeConsumer = RedisScript(
        """
        if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
        local found = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
        if found.err then return 0 end
        for _, row in ipairs(found) do
          local consumer = {}
          for i = 1, #row, 2 do consumer[row[i]] = row[i + 1] end
          if consumer['name'] == ARGV[2] then
            if consumer['pending'] > 0 or consumer['idle'] < tonumber(ARGV[3]) then return 0 end
            redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
            return 1
          end
        end
        return 0
        """
    )

    /// Makes a stream of replies if it is not there, and keeps it alive.
    ///
    /// KEYS stream; ARGV milliseconds to live. Gives the id to read from when it was made, nothing when it was there.
    static let openReplies = RedisScript(
        """
        if redis.call('EXISTS', KEYS[1]) == 1 then
          redis.call('PEXPIRE', KEYS[1], ARGV[1])
          return false
        end
        local id = redis.call('XADD', KEYS[1], '*', 'open', '1')
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
        return id
        """
    )
}
