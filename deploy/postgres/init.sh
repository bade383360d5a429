#!/usr/bin/env bash
# Run once by the PostgreSQL image on an empty data folder: database, roles, and the passwords that the URLs hold.
set -euo pipefail

createdb --username postgres polyclinic
psql --username postgres --dbname polyclinic --quiet --set ON_ERROR_STOP=1 --file /usr/local/share/polyclinic/roles.sql
for role in owner access communication appointments billing; do
    url=$(cat "/run/secrets/${role}_database_url")
    password=${url#*://*:}
    password=${password%%@*}
    # On standard input, so that it stands in no list of processes.
    printf "alter role polyclinic_%s password '%s';\n" "$role" "$password"
done | psql --username postgres --dbname polyclinic --quiet --set ON_ERROR_STOP=1
