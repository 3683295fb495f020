"""The objects that every device has, and those that known clients bring.

Ids, names and types are the registry's; of 10252 and 10255 they are those that Izuma's
clients list, where they differ.
"""

from collections.abc import Iterator

from homeport.protocol.objects import definitions
from homeport.protocol.objects.definitions import (
    Definitions,
    ObjectDefinition,
    Operations,
    ResourceDefinition,
    Type,
)

_TABLE = """
object 0 multiple LwM2M Security
version 1.0
0 - string LWM2M Server URI
1 - boolean Bootstrap-Server
2 - integer Security Mode
3 - opaque Public Key or Identity
4 - opaque Server Public Key
5 - opaque Secret Key
6 - integer SMS Security Mode
7 - opaque SMS Binding Key Parameters
8 - opaque SMS Binding Secret Key(s)
9 - string LwM2M Server SMS Number
10 - integer Short Server ID
11 - integer Client Hold Off Time
12 - integer Bootstrap-Server Account Timeout
version 1.1
13 - unsigned Matching Type
14 - string SNI
15 - unsigned Certificate Usage
16 - unsigned* DTLS/TLS Ciphersuite
17 - objlnk OSCORE Security Mode
version 1.2
18 - unsigned* Groups To Use by Client
19 - unsigned* Signature Algorithms Supported by Server
20 - unsigned* Signature Algorithms To Use by Client
21 - unsigned* Signature Algorithm Certs Supported by Server
22 - unsigned TLS 1.3 Features To Use by Client
23 - unsigned TLS Extensions Supported by Server
24 - unsigned TLS Extensions To Use by Client
25 - string* Secondary LwM2M Server URI
26 - objlnk MQTT Server
27 - objlnk* LwM2M COSE Security
28 - integer RDS Destination Port
29 - integer RDS Source Port
30 - string RDS Application ID
object 1 multiple LwM2M Server
version 1.0
0 R integer Short Server ID
1 RW integer Lifetime
2 RW integer Default Minimum Period
3 RW integer Default Maximum Period
4 E none Disable
5 RW integer Disable Timeout
6 RW boolean Notification Storing When Disabled or Offline
7 RW string Binding
8 E none Registration Update Trigger
version 1.1
9 E none Bootstrap-Request Trigger
10 RW objlnk APN Link
11 R unsigned TLS-DTLS Alert Code
12 R time Last Bootstrapped
13 - unsigned Registration Priority Order
14 - unsigned Initial Registration Delay Timer
15 - boolean Registration Failure Block
16 - boolean Bootstrap on Registration Failure
17 - unsigned Communication Retry Count
18 - unsigned Communication Retry Timer
19 - unsigned Communication Sequence Delay Timer
20 - unsigned Communication Sequence Retry Count
21 RW boolean Trigger
22 RW string Preferred Transport
23 RW boolean Mute Send
version 1.2
13 R unsigned Registration Priority Order
14 RW unsigned Initial Registration Delay Timer
15 R boolean Registration Failure Block
16 R boolean Bootstrap on Registration Failure
17 RW unsigned Communication Retry Count
18 RW unsigned Communication Retry Timer
19 RW unsigned Communication Sequence Delay Timer
20 RW unsigned Communication Sequence Retry Count
24 RW objlnk* Alternate APN Links
25 RW string* Supported Server Versions
26 RW integer Default Notification Mode
27 RW unsigned Profile ID Hash Algorithm
object 2 multiple LwM2M Access Control
version 1.0
0 R integer Object ID
1 R integer Object Instance ID
2 RW integer* ACL
3 RW integer Access Control Owner
version 1.1
object 3 single Device
version 1.0
0 R string Manufacturer
1 R string Model Number
2 R string Serial Number
3 R string Firmware Version
4 E none Reboot
5 E none Factory Reset
6 R integer* Available Power Sources
7 R integer* Power Source Voltage
8 R integer* Power Source Current
9 R integer Battery Level
10 R integer Memory Free
11 R integer* Error Code
12 E none Reset Error Code
13 RW time Current Time
14 RW string UTC Offset
15 RW string Timezone
16 R string Supported Binding and Modes
17 R string Device Type
18 R string Hardware Version
19 R string Software Version
20 R integer Battery Status
21 R integer Memory Total
22 R objlnk* ExtDevInfo
version 1.1
version 1.2
object 4 single Connectivity Monitoring
version 1.0
0 R integer Network Bearer
1 R integer* Available Network Bearer
2 R integer Radio Signal Strength
3 R integer Link Quality
4 R string* IP Addresses
5 R string* Router IP Addresses
6 R integer Link Utilization
7 R string* APN
8 R integer Cell ID
9 R integer SMNC
10 R integer SMCC
version 1.1
11 R integer SignalSNR
version 1.2
12 R integer LAC
version 1.3
13 R integer Coverage Enhancement Level
object 5 single Firmware Update
version 1.0
0 W opaque Package
1 RW string Package URI
2 E none Update
3 R integer State
5 R integer Update Result
6 R string PkgName
7 R string PkgVersion
8 R integer* Firmware Update Protocol Support
9 R integer Firmware Update Delivery Method
version 1.1
10 E none Cancel
11 RW integer Severity
12 R time Last State Change Time
13 RW unsigned Maximum Defer Period
version 1.2
14 RW boolean Automatic Upgrade at Download
object 6 single Location
version 1.0
0 R float Latitude
1 R float Longitude
2 R float Altitude
3 R float Radius
4 R opaque Velocity
5 R time Timestamp
6 R float Speed
object 7 single Connectivity Statistics
version 1.0
0 R integer SMS Tx Counter
1 R integer SMS Rx Counter
2 R integer Tx Data
3 R integer Rx Data
4 R integer Max Message Size
5 R integer Average Message Size
6 E none Start
7 E none Stop
8 RW integer Collection Period
object 9 multiple LwM2M Software Management
version 1.0
0 R string PkgName
1 R string PkgVersion
2 W opaque Package
3 W string Package URI
4 E none Install
5 R objlnk Checkpoint
6 E none Uninstall
7 R integer Update State
8 RW boolean Update Supported Objects
9 R integer Update Result
10 E none Activate
11 E none Deactivate
12 R boolean Activation State
13 RW objlnk Package Settings
14 W string User Name
15 W string Password
16 R string Status Reason
17 R objlnk* Software Component Link
18 R integer Software Component tree length
object 14 multiple LwM2M Software Component
version 1.0
0 R string Component Identity
1 R opaque Component Pack
2 R string Component Version
3 E none Activate
4 E none Deactivate
5 R boolean Activation State
object 3303 multiple Temperature
version 1.0
5601 R float Min Measured Value
5602 R float Max Measured Value
5603 R float Min Range Value
5604 R float Max Range Value
5605 E none Reset Min and Max Measured Values
5700 R float Sensor Value
5701 R string Sensor Units
version 1.1
5518 R time Timestamp
5750 RW string Application Type
6042 R integer Measurement Quality Indicator
6049 R integer Measurement Quality Level
6050 R float Fractional Timestamp
object 3347 multiple Push button
version 1.0
5500 R boolean Digital Input State
5501 R integer Digital Input Counter
5750 RW string Application Type
version 1.1
5518 R time Timestamp
6050 R float Fractional Timestamp
object 10252 single Firmware Update Manifest
version 1.0
1 W opaque Package
2 R integer State
3 R integer UpdateResult
object 10255 single Device Metadata
version 1.0
0 R integer ProtocolSupported
3 R opaque Vendor
4 R opaque Class
"""
"""An object, its versions, and what each adds or changes.

A resource has an id, its operations, its type (``*`` for several values), and a name.
"""

_TYPES = {each.value.split()[0].lower(): each for each in Type} | {"none": None}
_OPERATIONS = {
    "-": Operations.NONE,
    "R": Operations.READ,
    "W": Operations.WRITE,
    "RW": Operations.READ | Operations.WRITE,
    "E": Operations.EXECUTE,
}


def _objects() -> Iterator[ObjectDefinition]:
    for entry in _TABLE.split("\nobject ")[1:]:
        head, *versions = entry.split("\nversion ")
        number, instances, name = head.split(" ", 2)
        resources: dict[int, ResourceDefinition] = {}
        for text in versions:
            version, *lines = text.strip().split("\n")
            resources = resources | {each.id: each for each in map(_resource, lines)}
            yield ObjectDefinition(
                int(number),
                name,
                definitions.parse_version(version),
                instances == "multiple",
                resources,
            )


def _resource(line: str) -> ResourceDefinition:
    number, operations, kind, name = line.split(" ", 3)
    return ResourceDefinition(
        int(number),
        name,
        _OPERATIONS[operations],
        _TYPES[kind.removesuffix("*")],
        kind.endswith("*"),
    )


CORE = Definitions().including(_objects())
