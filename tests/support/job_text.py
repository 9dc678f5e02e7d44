"""A job that any replica can run, as an operator would write it."""

JOB = """
type = "directrequest"
schemaVersion = 1
name = "price"
externalJobID = "0eec7e1d-d0d2-476c-a1a8-72dfb6633f46"
observationSource = '''
decode [type=ethabidecodelog abi="OracleRequest(bytes32 indexed specId, address requester, bytes32 requestId, uint256 payment, address callbackAddr, bytes4 callbackFunctionId, uint256 cancelExpiration, uint256 dataVersion, bytes data)" data="$(jobRun.logData)" topics="$(jobRun.logTopics)"]
'''
"""  # noqa: E501 - one attribute is one line
