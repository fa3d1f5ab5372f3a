"""login() and logout() of the SOAP API, which older programs use for a session; no other call (SOAP API Developer Guide).

login() is not available from v65.0 on (Salesforce Help, 'Platform SOAP API login() Retirement').
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from . import auth, identity
from .soapbody import read_envelope
from .wire import Request, Response, wrong_method

if TYPE_CHECKING:
    from .org import Org

LAST_WITH_LOGIN = 64
_PATH = re.compile(r"/services/Soap/u/([0-9]{1,3})\.0(/00D\w{12,15})?/?")
_TYPE = {"Content-Type": "text/xml;charset=UTF-8"}
_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
)
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def answer(org: Org, request: Request, now: float) -> Response:
    """`POST /services/Soap/u/XX.0`. Errors are faults with 500."""
    if request.method != "POST":
        raise wrong_method(request.method, "POST")
    match, low_high = _PATH.fullmatch(request.path), org.settings.versions
    version = int(match[1]) if match else 0
    if not low_high[0] <= version <= low_high[1]:
        return _fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    try:
        asked = read_envelope(request.body)
    except ValueError as problem:
        return _fault("UNKNOWN_EXCEPTION", f"the request cannot be read: {problem}")
    if asked.call == "login":
        return _login(org, asked.texts, version, now)
    if asked.call == "logout":
        session = asked.texts.get("sessionId", "")
        if not auth.is_live(org, session, now):
            return _fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
        org.store.drop_token(session)
        return _envelope("<logoutResponse/>")
    return _fault("UNKNOWN_EXCEPTION", "The embedded org answers login and logout over SOAP, and no other call")


def _login(org: Org, texts: Mapping[str, str], version: int, now: float) -> Response:
    users, pair = org.settings.users, (texts.get("username", ""), texts.get("password", ""))
    if version > LAST_WITH_LOGIN:
        return _fault("INVALID_OPERATION", f"SOAP API login() is not available in API version {version}.0")
    if not all(pair) or (users and pair not in users):
        return _fault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.", "LoginFault")
    base, short, user = org.instance_url, org.settings.org_id[:15], identity.user(org)
    name = escape(str(user.get("Username")))
    return _envelope(
        f"<loginResponse><result><metadataServerUrl>{base}/services/Soap/m/{version}.0/{short}</metadataServerUrl>"
        f"<passwordExpired>false</passwordExpired><sandbox>{str(org.settings.is_sandbox).lower()}</sandbox>"
        f"<serverUrl>{base}/services/Soap/u/{version}.0/{short}</serverUrl>"
        f"<sessionId>{auth.issue(org, now)}</sessionId><userId>{org.admin}</userId><userInfo>"
        "<accessibilityMode>false</accessibilityMode><currencySymbol>$</currencySymbol>"
        "<orgAttachmentFileSizeLimit>26214400</orgAttachmentFileSizeLimit>"
        "<orgDefaultCurrencyIsoCode>USD</orgDefaultCurrencyIsoCode>"
        "<orgDisallowHtmlAttachments>false</orgDisallowHtmlAttachments>"
        f"<orgHasPersonAccounts>false</orgHasPersonAccounts><organizationId>{org.settings.org_id}</organizationId>"
        "<organizationMultiCurrency>false</organizationMultiCurrency><organizationName>Embedded Org</organizationName>"
        '<profileId>00eEm0000000001AAA</profileId><roleId xsi:nil="true"/>'
        f"<sessionSecondsValid>{int(org.settings.token_lifetime)}</sessionSecondsValid>"
        f'<userDefaultCurrencyIsoCode xsi:nil="true"/><userEmail>{escape(str(user.get("Email")))}</userEmail>'
        f"<userFullName>{escape(str(user.get('Name')))}</userFullName><userId>{org.admin}</userId>"
        f"<userLanguage>en_US</userLanguage><userLocale>en_US</userLocale><userName>{name}</userName>"
        "<userTimeZone>America/Los_Angeles</userTimeZone><userType>Standard</userType>"
        "<userUiSkin>Theme3</userUiSkin></userInfo></result></loginResponse>"
    )


def _envelope(body: str) -> Response:
    head = f'{_OPEN} xmlns="urn:partner.soap.sforce.com" {_XSI}><soapenv:Body>'
    return Response(200, f"{head}{body}</soapenv:Body></soapenv:Envelope>".encode(), _TYPE)


def _fault(code: str, message: str, kind: str = "UnexpectedErrorFault") -> Response:
    text = escape(message)
    head = f'{_OPEN} xmlns:sf="urn:fault.partner.soap.sforce.com" {_XSI}><soapenv:Body><soapenv:Fault>'
    detail = (
        f'<detail><sf:{kind} xsi:type="sf:{kind}"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{text}</sf:exceptionMessage></sf:{kind}></detail>"
    )
    fault = f"<faultcode>sf:{code}</faultcode><faultstring>{code}: {text}</faultstring>{detail}"
    return Response(500, f"{head}{fault}</soapenv:Fault></soapenv:Body></soapenv:Envelope>".encode(), _TYPE)
