"""Speed and memory of Homeport, as ratios in one run: machines differ, ratios less.

python -m bench edge        updates a CPU second, against aiocoap's stock server
python -m bench fleet       memory a device, cost at 100,000 devices, mass expiry
python -m bench handshakes  CPU time of a handshake, against OpenSSL alone
python -m bench secured     what security costs an update; memory of associations
python -m bench storm       4,000 devices that bootstrap and register at once
python -m bench system      5,000 updates a second through all services, for a minute
"""
