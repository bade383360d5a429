-- Books slots that never meet: each request takes the next quarter of an hour of the next doctor.
-- DOCTORS, PATIENT and SERVICE are ids; SHAPE is "suite" or "monolith"; FIRST is the first quarter, in quarters since 1970.
local doctors = {}
for id in os.getenv("DOCTORS"):gmatch("[^,]+") do doctors[#doctors + 1] = id end
local patient, service, suite = os.getenv("PATIENT"), os.getenv("SERVICE"), os.getenv("SHAPE") == "suite"
local first, n = tonumber(os.getenv("FIRST")), 0

request = function()
  local doctor = doctors[n % #doctors + 1]
  local start = os.date("!%Y-%m-%dT%H:%M:%SZ", (first + math.floor(n / #doctors)) * 900)
  n = n + 1
  local body
  if suite then
    body = string.format('{"doctorId":"%s","patientId":"%s","serviceId":"%s","start":"%s","kind":"in_person"}',
      doctor, patient, service, start)
  else
    body = string.format('{"doctor":"%s","patient":"%s","start":"%s","minutes":15}', doctor, patient, start)
  end
  return wrk.format("POST", wrk.path, nil, body)
end
