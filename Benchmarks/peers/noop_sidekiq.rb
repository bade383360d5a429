# The peer of no-op jobs: Sidekiq over Redis. `sidekiq -r ./noop_sidekiq.rb -c 10` works; `ruby noop_sidekiq.rb COUNT`
# enqueues in batches of 1,000, waits for the last one and prints jobs per second from first enqueue to last done.
require "sidekiq"

address = { url: ENV.fetch("REDIS_URL") }
Sidekiq.configure_client { |config| config.redis = address }
Sidekiq.configure_server { |config| config.redis = address }
Sidekiq.logger.level = Logger::ERROR

class Noop
  include Sidekiq::Worker

  def perform(_number)
    Sidekiq.redis { |redis| redis.incr("noop:done") }
  end
end

if $PROGRAM_NAME == __FILE__
  count = Integer(ARGV.fetch(0))
  done = -> { Sidekiq.redis { |redis| redis.get("noop:done") }.to_i }
  Sidekiq.redis { |redis| redis.del("noop:done") }
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  (1..count).each_slice(1_000) { |slice| Sidekiq::Client.push_bulk("class" => Noop, "args" => slice.map { |n| [n] }) }
  sleep 0.01 until done.call >= count
  puts (count / (Process.clock_gettime(Process::CLOCK_MONOTONIC) - start)).round
end
