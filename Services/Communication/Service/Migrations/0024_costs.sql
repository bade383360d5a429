-- What providers say that messages cost, in millionths of the currency's unit.

alter table :schema.message_attempts
    add column cost_micros bigint check (cost_micros >= 0),
    add column cost_currency text check (cost_currency ~ '^[A-Z]{3}$'),
    add check ((cost_micros is null) = (cost_currency is null));
