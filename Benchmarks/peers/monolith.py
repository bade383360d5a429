"""The peer of the hot paths: one FastAPI process over asyncpg with the same checks and no bus.

Verifies a token, looks the role's permission up, opens a transaction for the clinic, reads or books with an audit row.
Started by bench.py: `uvicorn monolith:app --workers 2`, DATABASE_URL in the environment, tables from monolith.sql.
"""
import datetime
import os
import uuid
from contextlib import asynccontextmanager

import asyncpg
import jwt
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

KEY = os.environ.get("MONOLITH_KEY", "a key of the benchmark only, long enough")
GRANTS = {"RECEPTIONIST": {"appointments:read", "appointments:create"}}
CLINIC = "select set_config('app.clinic_id', $1, true)"
READ = "select id, patient, doctor, lower(during) from monolith.appointments where clinic = $1 and id = $2"
BOOK = (
    "insert into monolith.appointments (id, clinic, patient, doctor, during) values "
    "($1, $2, $3, $4, tstzrange($5::timestamptz, $5::timestamptz + make_interval(mins => $6::int)))"
)
AUDIT = "insert into monolith.audit (clinic, actor, action, resource) values ($1, $2, $3, $4)"


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=8)
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)


class Booking(BaseModel):
    patient: uuid.UUID
    doctor: uuid.UUID
    start: datetime.datetime
    minutes: int = 15


def caller(request: Request, permission: str) -> dict:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer":
        raise HTTPException(401)
    try:
        claims = jwt.decode(token, KEY, algorithms=["HS256"])
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error
    if permission not in GRANTS.get(claims["role"], set()):
        raise HTTPException(403)
    return claims


@app.get("/appointments/{id}")
async def read(id: uuid.UUID, request: Request):
    claims = caller(request, "appointments:read")
    clinic = uuid.UUID(claims["clinic"])
    async with app.state.pool.acquire() as connection, connection.transaction():
        await connection.execute(CLINIC, claims["clinic"])
        row = await connection.fetchrow(READ, clinic, id)
        if row is None:
            raise HTTPException(404)
        await connection.execute(AUDIT, clinic, claims["sub"], "appointments:read", str(id))
    return {"id": row[0], "patient": row[1], "doctor": row[2], "start": row[3]}


@app.post("/appointments", status_code=201)
async def book(body: Booking, request: Request):
    claims = caller(request, "appointments:create")
    clinic, id = uuid.UUID(claims["clinic"]), uuid.uuid4()
    async with app.state.pool.acquire() as connection, connection.transaction():
        await connection.execute(CLINIC, claims["clinic"])
        try:
            await connection.execute(BOOK, id, clinic, body.patient, body.doctor, body.start, body.minutes)
        except asyncpg.ExclusionViolationError as error:
            raise HTTPException(409) from error
        await connection.execute(AUDIT, clinic, claims["sub"], "appointments:create", str(id))
    return {"id": id}
