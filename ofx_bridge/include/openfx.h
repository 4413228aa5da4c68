// The part of the OpenFX 1.4/1.5 C interface that the plug-in and the headless host speak, declared
// here from the specification. docs/developer/openfx.md says how it was checked against the
// official headers.
//
// Names, values and layouts are the standard's. Strings are typed constants instead of macros.
// Functions that a suite may lack are null pointers; handles are opaque and belong to the host.
#pragma once

#include <climits>
#include <cstddef>

extern "C" {

// ---------------------------------------------------------------- core

using OfxStatus = int;

inline constexpr OfxStatus kOfxStatOK = 0;
inline constexpr OfxStatus kOfxStatFailed = 1;
inline constexpr OfxStatus kOfxStatErrFatal = 2;
inline constexpr OfxStatus kOfxStatErrUnknown = 3;
inline constexpr OfxStatus kOfxStatErrMissingHostFeature = 4;
inline constexpr OfxStatus kOfxStatErrUnsupported = 5;
inline constexpr OfxStatus kOfxStatErrExists = 6;
inline constexpr OfxStatus kOfxStatErrFormat = 7;
inline constexpr OfxStatus kOfxStatErrMemory = 8;
inline constexpr OfxStatus kOfxStatErrBadHandle = 9;
inline constexpr OfxStatus kOfxStatErrBadIndex = 10;
inline constexpr OfxStatus kOfxStatErrValue = 11;
inline constexpr OfxStatus kOfxStatReplyYes = 12;
inline constexpr OfxStatus kOfxStatReplyNo = 13;
inline constexpr OfxStatus kOfxStatReplyDefault = 14;
inline constexpr OfxStatus kOfxStatErrImageFormat = 1000;

using OfxTime = double;

struct OfxRangeI {
    int min, max;
};
struct OfxRangeD {
    double min, max;
};
struct OfxPointI {
    int x, y;
};
struct OfxPointD {
    double x, y;
};
// y grows upward; x2 and y2 are one past the end.
struct OfxRectI {
    int x1, y1, x2, y2;
};
struct OfxRectD {
    double x1, y1, x2, y2;
};

inline constexpr int kOfxFlagInfiniteMax = INT_MAX;
inline constexpr int kOfxFlagInfiniteMin = INT_MIN;

using OfxPropertySetHandle = struct OfxPropertySetStruct*;

struct OfxHost {
    OfxPropertySetHandle host;
    const void* (*fetchSuite)(OfxPropertySetHandle host, const char* name, int version);
};

using OfxPluginEntryPoint = OfxStatus(const char* action, const void* handle,
                                      OfxPropertySetHandle in_args, OfxPropertySetHandle out_args);

struct OfxPlugin {
    const char* pluginApi;
    int apiVersion;
    const char* pluginIdentifier;
    unsigned int pluginVersionMajor;
    unsigned int pluginVersionMinor;
    void (*setHost)(OfxHost* host);
    OfxPluginEntryPoint* mainEntry;
};

// What a plug-in's binary exports. OfxSetHost is newer (1.5) and comes before the others when a
// host calls it at all.
using OfxGetNumberOfPluginsFunction = int();
using OfxGetPluginFunction = OfxPlugin*(int index);
using OfxSetHostFunction = OfxStatus(const OfxHost* host);

inline constexpr char kOfxActionLoad[] = "OfxActionLoad";
inline constexpr char kOfxActionUnload[] = "OfxActionUnload";
inline constexpr char kOfxActionDescribe[] = "OfxActionDescribe";
inline constexpr char kOfxActionCreateInstance[] = "OfxActionCreateInstance";
inline constexpr char kOfxActionDestroyInstance[] = "OfxActionDestroyInstance";
inline constexpr char kOfxActionBeginInstanceChanged[] = "OfxActionBeginInstanceChanged";
inline constexpr char kOfxActionInstanceChanged[] = "OfxActionInstanceChanged";
inline constexpr char kOfxActionEndInstanceChanged[] = "OfxActionEndInstanceChanged";
inline constexpr char kOfxActionBeginInstanceEdit[] = "OfxActionBeginInstanceEdit";
inline constexpr char kOfxActionEndInstanceEdit[] = "OfxActionEndInstanceEdit";
inline constexpr char kOfxActionPurgeCaches[] = "OfxActionPurgeCaches";
inline constexpr char kOfxActionSyncPrivateData[] = "OfxActionSyncPrivateData";

inline constexpr char kOfxPropAPIVersion[] = "OfxPropAPIVersion";
inline constexpr char kOfxPropTime[] = "OfxPropTime";
inline constexpr char kOfxPropIsInteractive[] = "OfxPropIsInteractive";
inline constexpr char kOfxPluginPropFilePath[] = "OfxPluginPropFilePath";
inline constexpr char kOfxPropInstanceData[] = "OfxPropInstanceData";
inline constexpr char kOfxPropType[] = "OfxPropType";
inline constexpr char kOfxPropName[] = "OfxPropName";
inline constexpr char kOfxPropVersion[] = "OfxPropVersion";
inline constexpr char kOfxPropVersionLabel[] = "OfxPropVersionLabel";
inline constexpr char kOfxPropPluginDescription[] = "OfxPropPluginDescription";
inline constexpr char kOfxPropLabel[] = "OfxPropLabel";
inline constexpr char kOfxPropShortLabel[] = "OfxPropShortLabel";
inline constexpr char kOfxPropLongLabel[] = "OfxPropLongLabel";
inline constexpr char kOfxPropIcon[] = "OfxPropIcon";
inline constexpr char kOfxPropChangeReason[] = "OfxPropChangeReason";
inline constexpr char kOfxPropEffectInstance[] = "OfxPropEffectInstance";
inline constexpr char kOfxPropHostOSHandle[] = "OfxPropHostOSHandle";
inline constexpr char kOfxChangeUserEdited[] = "OfxChangeUserEdited";
inline constexpr char kOfxChangePluginEdited[] = "OfxChangePluginEdited";
inline constexpr char kOfxChangeTime[] = "OfxChangeTime";

inline constexpr char kOfxBitDepthNone[] = "OfxBitDepthNone";
inline constexpr char kOfxBitDepthByte[] = "OfxBitDepthByte";
inline constexpr char kOfxBitDepthShort[] = "OfxBitDepthShort";
inline constexpr char kOfxBitDepthHalf[] = "OfxBitDepthHalf";
inline constexpr char kOfxBitDepthFloat[] = "OfxBitDepthFloat";

// ---------------------------------------------------------------- properties

inline constexpr char kOfxPropertySuite[] = "OfxPropertySuite";

struct OfxPropertySuiteV1 {
    OfxStatus (*propSetPointer)(OfxPropertySetHandle set, const char* name, int index, void* value);
    OfxStatus (*propSetString)(OfxPropertySetHandle set, const char* name, int index,
                               const char* value);
    OfxStatus (*propSetDouble)(OfxPropertySetHandle set, const char* name, int index, double value);
    OfxStatus (*propSetInt)(OfxPropertySetHandle set, const char* name, int index, int value);
    OfxStatus (*propSetPointerN)(OfxPropertySetHandle set, const char* name, int count,
                                 void* const* values);
    OfxStatus (*propSetStringN)(OfxPropertySetHandle set, const char* name, int count,
                                const char* const* values);
    OfxStatus (*propSetDoubleN)(OfxPropertySetHandle set, const char* name, int count,
                                const double* values);
    OfxStatus (*propSetIntN)(OfxPropertySetHandle set, const char* name, int count,
                             const int* values);
    OfxStatus (*propGetPointer)(OfxPropertySetHandle set, const char* name, int index,
                                void** value);
    // The string stays the host's, and only until the next call into it.
    OfxStatus (*propGetString)(OfxPropertySetHandle set, const char* name, int index, char** value);
    OfxStatus (*propGetDouble)(OfxPropertySetHandle set, const char* name, int index,
                               double* value);
    OfxStatus (*propGetInt)(OfxPropertySetHandle set, const char* name, int index, int* value);
    OfxStatus (*propGetPointerN)(OfxPropertySetHandle set, const char* name, int count,
                                 void** values);
    OfxStatus (*propGetStringN)(OfxPropertySetHandle set, const char* name, int count,
                                char** values);
    OfxStatus (*propGetDoubleN)(OfxPropertySetHandle set, const char* name, int count,
                                double* values);
    OfxStatus (*propGetIntN)(OfxPropertySetHandle set, const char* name, int count, int* values);
    OfxStatus (*propReset)(OfxPropertySetHandle set, const char* name);
    OfxStatus (*propGetDimension)(OfxPropertySetHandle set, const char* name, int* count);
};

// ---------------------------------------------------------------- memory

inline constexpr char kOfxMemorySuite[] = "OfxMemorySuite";

struct OfxMemorySuiteV1 {
    OfxStatus (*memoryAlloc)(void* instance, std::size_t bytes, void** memory);
    OfxStatus (*memoryFree)(void* memory);
};

// ---------------------------------------------------------------- threads

inline constexpr char kOfxMultiThreadSuite[] = "OfxMultiThreadSuite";

using OfxMutexHandle = struct OfxMutex*;
using OfxThreadFunctionV1 = void(unsigned int index, unsigned int count, void* argument);

struct OfxMultiThreadSuiteV1 {
    OfxStatus (*multiThread)(OfxThreadFunctionV1 function, unsigned int count, void* argument);
    OfxStatus (*multiThreadNumCPUs)(unsigned int* count);
    OfxStatus (*multiThreadIndex)(unsigned int* index);
    int (*multiThreadIsSpawnedThread)();
    OfxStatus (*mutexCreate)(OfxMutexHandle* mutex, int lock_count);
    OfxStatus (*mutexDestroy)(OfxMutexHandle mutex);
    OfxStatus (*mutexLock)(OfxMutexHandle mutex);
    OfxStatus (*mutexUnLock)(OfxMutexHandle mutex);
    OfxStatus (*mutexTryLock)(OfxMutexHandle mutex);
};

// ---------------------------------------------------------------- messages

inline constexpr char kOfxMessageSuite[] = "OfxMessageSuite";
inline constexpr char kOfxMessageFatal[] = "OfxMessageFatal";
inline constexpr char kOfxMessageError[] = "OfxMessageError";
inline constexpr char kOfxMessageWarning[] = "OfxMessageWarning";
inline constexpr char kOfxMessageMessage[] = "OfxMessageMessage";
inline constexpr char kOfxMessageLog[] = "OfxMessageLog";
inline constexpr char kOfxMessageQuestion[] = "OfxMessageQuestion";

struct OfxMessageSuiteV1 {
    OfxStatus (*message)(void* handle, const char* type, const char* id, const char* format, ...);
};

struct OfxMessageSuiteV2 {
    OfxStatus (*message)(void* handle, const char* type, const char* id, const char* format, ...);
    OfxStatus (*setPersistentMessage)(void* handle, const char* type, const char* id,
                                      const char* format, ...);
    OfxStatus (*clearPersistentMessage)(void* handle);
};

// ---------------------------------------------------------------- progress

inline constexpr char kOfxProgressSuite[] = "OfxProgressSuite";

struct OfxProgressSuiteV1 {
    OfxStatus (*progressStart)(void* instance, const char* label);
    // Anything but kOfxStatOK means that the user wants it to stop.
    OfxStatus (*progressUpdate)(void* instance, double progress);
    OfxStatus (*progressEnd)(void* instance);
};

struct OfxProgressSuiteV2 {
    OfxStatus (*progressStart)(void* instance, const char* message, const char* message_id);
    OfxStatus (*progressUpdate)(void* instance, double progress);
    OfxStatus (*progressEnd)(void* instance);
};

// ---------------------------------------------------------------- timeline

inline constexpr char kOfxTimeLineSuite[] = "OfxTimeLineSuite";

struct OfxTimeLineSuiteV1 {
    OfxStatus (*getTime)(void* instance, double* time);
    OfxStatus (*gotoTime)(void* instance, double time);
    OfxStatus (*getTimeBounds)(void* instance, double* first, double* last);
};

// ---------------------------------------------------------------- parameters

inline constexpr char kOfxParameterSuite[] = "OfxParameterSuite";

using OfxParamHandle = struct OfxParamStruct*;
using OfxParamSetHandle = struct OfxParamSetStruct*;

inline constexpr char kOfxTypeParameter[] = "OfxTypeParameter";
inline constexpr char kOfxTypeParameterInstance[] = "OfxTypeParameterInstance";

inline constexpr char kOfxParamTypeInteger[] = "OfxParamTypeInteger";
inline constexpr char kOfxParamTypeInteger2D[] = "OfxParamTypeInteger2D";
inline constexpr char kOfxParamTypeInteger3D[] = "OfxParamTypeInteger3D";
inline constexpr char kOfxParamTypeDouble[] = "OfxParamTypeDouble";
inline constexpr char kOfxParamTypeDouble2D[] = "OfxParamTypeDouble2D";
inline constexpr char kOfxParamTypeDouble3D[] = "OfxParamTypeDouble3D";
inline constexpr char kOfxParamTypeRGB[] = "OfxParamTypeRGB";
inline constexpr char kOfxParamTypeRGBA[] = "OfxParamTypeRGBA";
inline constexpr char kOfxParamTypeBoolean[] = "OfxParamTypeBoolean";
inline constexpr char kOfxParamTypeChoice[] = "OfxParamTypeChoice";
inline constexpr char kOfxParamTypeStrChoice[] = "OfxParamTypeStrChoice";
inline constexpr char kOfxParamTypeString[] = "OfxParamTypeString";
inline constexpr char kOfxParamTypeCustom[] = "OfxParamTypeCustom";
inline constexpr char kOfxParamTypeBytes[] = "OfxParamTypeBytes";
inline constexpr char kOfxParamTypeGroup[] = "OfxParamTypeGroup";
inline constexpr char kOfxParamTypePage[] = "OfxParamTypePage";
inline constexpr char kOfxParamTypePushButton[] = "OfxParamTypePushButton";

inline constexpr char kOfxParamHostPropSupportsCustomAnimation[] =
    "OfxParamHostPropSupportsCustomAnimation";
inline constexpr char kOfxParamHostPropSupportsStringAnimation[] =
    "OfxParamHostPropSupportsStringAnimation";
inline constexpr char kOfxParamHostPropSupportsBooleanAnimation[] =
    "OfxParamHostPropSupportsBooleanAnimation";
inline constexpr char kOfxParamHostPropSupportsChoiceAnimation[] =
    "OfxParamHostPropSupportsChoiceAnimation";
inline constexpr char kOfxParamHostPropSupportsStrChoice[] = "OfxParamHostPropSupportsStrChoice";
inline constexpr char kOfxParamHostPropSupportsStrChoiceAnimation[] =
    "OfxParamHostPropSupportsStrChoiceAnimation";
inline constexpr char kOfxParamHostPropSupportsCustomInteract[] =
    "OfxParamHostPropSupportsCustomInteract";
inline constexpr char kOfxParamHostPropMaxParameters[] = "OfxParamHostPropMaxParameters";
inline constexpr char kOfxParamHostPropMaxPages[] = "OfxParamHostPropMaxPages";
inline constexpr char kOfxParamHostPropPageRowColumnCount[] = "OfxParamHostPropPageRowColumnCount";

inline constexpr char kOfxParamPropType[] = "OfxParamPropType";
inline constexpr char kOfxParamPropAnimates[] = "OfxParamPropAnimates";
inline constexpr char kOfxParamPropCanUndo[] = "OfxParamPropCanUndo";
inline constexpr char kOfxParamPropIsAnimating[] = "OfxParamPropIsAnimating";
inline constexpr char kOfxParamPropIsAutoKeying[] = "OfxParamPropIsAutoKeying";
inline constexpr char kOfxParamPropPluginMayWrite[] = "OfxParamPropPluginMayWrite";
// The standard spells it so.
inline constexpr char kOfxParamPropPersistant[] = "OfxParamPropPersistant";
inline constexpr char kOfxParamPropEvaluateOnChange[] = "OfxParamPropEvaluateOnChange";
inline constexpr char kOfxParamPropSecret[] = "OfxParamPropSecret";
inline constexpr char kOfxParamPropEnabled[] = "OfxParamPropEnabled";
inline constexpr char kOfxParamPropScriptName[] = "OfxParamPropScriptName";
inline constexpr char kOfxParamPropHint[] = "OfxParamPropHint";
inline constexpr char kOfxParamPropDefault[] = "OfxParamPropDefault";
inline constexpr char kOfxParamPropMin[] = "OfxParamPropMin";
inline constexpr char kOfxParamPropMax[] = "OfxParamPropMax";
inline constexpr char kOfxParamPropDisplayMin[] = "OfxParamPropDisplayMin";
inline constexpr char kOfxParamPropDisplayMax[] = "OfxParamPropDisplayMax";
inline constexpr char kOfxParamPropIncrement[] = "OfxParamPropIncrement";
inline constexpr char kOfxParamPropDigits[] = "OfxParamPropDigits";
inline constexpr char kOfxParamPropDimensionLabel[] = "OfxParamPropDimensionLabel";
inline constexpr char kOfxParamPropDataPtr[] = "OfxParamPropDataPtr";
inline constexpr char kOfxParamPropParent[] = "OfxParamPropParent";
inline constexpr char kOfxParamPropGroupOpen[] = "OfxParamPropGroupOpen";
inline constexpr char kOfxParamPropPageChild[] = "OfxParamPropPageChild";
inline constexpr char kOfxParamPageSkipRow[] = "OfxParamPageSkipRow";
inline constexpr char kOfxParamPageSkipColumn[] = "OfxParamPageSkipColumn";
inline constexpr char kOfxPluginPropParamPageOrder[] = "OfxPluginPropParamPageOrder";
inline constexpr char kOfxPropParamSetNeedsSyncing[] = "OfxPropParamSetNeedsSyncing";

inline constexpr char kOfxParamPropCacheInvalidation[] = "OfxParamPropCacheInvalidation";
inline constexpr char kOfxParamInvalidateValueChange[] = "OfxParamInvalidateValueChange";
inline constexpr char kOfxParamInvalidateValueChangeToEnd[] = "OfxParamInvalidateValueChangeToEnd";
inline constexpr char kOfxParamInvalidateAll[] = "OfxParamInvalidateAll";

inline constexpr char kOfxParamPropChoiceOption[] = "OfxParamPropChoiceOption";
inline constexpr char kOfxParamPropChoiceOrder[] = "OfxParamPropChoiceOrder";
inline constexpr char kOfxParamPropChoiceEnum[] = "OfxParamPropChoiceEnum";

inline constexpr char kOfxParamPropStringMode[] = "OfxParamPropStringMode";
inline constexpr char kOfxParamPropStringFilePathExists[] = "OfxParamPropStringFilePathExists";
inline constexpr char kOfxParamStringIsSingleLine[] = "OfxParamStringIsSingleLine";
inline constexpr char kOfxParamStringIsMultiLine[] = "OfxParamStringIsMultiLine";
inline constexpr char kOfxParamStringIsFilePath[] = "OfxParamStringIsFilePath";
inline constexpr char kOfxParamStringIsDirectoryPath[] = "OfxParamStringIsDirectoryPath";
inline constexpr char kOfxParamStringIsLabel[] = "OfxParamStringIsLabel";
inline constexpr char kOfxParamStringIsRichTextFormat[] = "OfxParamStringIsRichTextFormat";

inline constexpr char kOfxParamPropDoubleType[] = "OfxParamPropDoubleType";
inline constexpr char kOfxParamDoubleTypePlain[] = "OfxParamDoubleTypePlain";
inline constexpr char kOfxParamDoubleTypeScale[] = "OfxParamDoubleTypeScale";
inline constexpr char kOfxParamDoubleTypeAngle[] = "OfxParamDoubleTypeAngle";
inline constexpr char kOfxParamDoubleTypeTime[] = "OfxParamDoubleTypeTime";
inline constexpr char kOfxParamDoubleTypeAbsoluteTime[] = "OfxParamDoubleTypeAbsoluteTime";
inline constexpr char kOfxParamDoubleTypeX[] = "OfxParamDoubleTypeX";
inline constexpr char kOfxParamDoubleTypeXAbsolute[] = "OfxParamDoubleTypeXAbsolute";
inline constexpr char kOfxParamDoubleTypeY[] = "OfxParamDoubleTypeY";
inline constexpr char kOfxParamDoubleTypeYAbsolute[] = "OfxParamDoubleTypeYAbsolute";
inline constexpr char kOfxParamDoubleTypeXY[] = "OfxParamDoubleTypeXY";
inline constexpr char kOfxParamDoubleTypeXYAbsolute[] = "OfxParamDoubleTypeXYAbsolute";
inline constexpr char kOfxParamPropDefaultCoordinateSystem[] =
    "OfxParamPropDefaultCoordinateSystem";
inline constexpr char kOfxParamCoordinatesCanonical[] = "OfxParamCoordinatesCanonical";
inline constexpr char kOfxParamCoordinatesNormalised[] = "OfxParamCoordinatesNormalised";
inline constexpr char kOfxParamPropHasHostOverlayHandle[] = "OfxParamPropHasHostOverlayHandle";
// The value's extra "k" is the standard's.
inline constexpr char kOfxParamPropUseHostOverlayHandle[] = "kOfxParamPropUseHostOverlayHandle";
inline constexpr char kOfxParamPropShowTimeMarker[] = "OfxParamPropShowTimeMarker";

// The variable arguments are the parameter's values, or pointers to them: int, double, char*, as
// many as it has dimensions. A string got so stays the host's, and only until the next call into
// it.
struct OfxParameterSuiteV1 {
    OfxStatus (*paramDefine)(OfxParamSetHandle set, const char* type, const char* name,
                             OfxPropertySetHandle* properties);
    OfxStatus (*paramGetHandle)(OfxParamSetHandle set, const char* name, OfxParamHandle* param,
                                OfxPropertySetHandle* properties);
    OfxStatus (*paramSetGetPropertySet)(OfxParamSetHandle set, OfxPropertySetHandle* properties);
    OfxStatus (*paramGetPropertySet)(OfxParamHandle param, OfxPropertySetHandle* properties);
    OfxStatus (*paramGetValue)(OfxParamHandle param, ...);
    OfxStatus (*paramGetValueAtTime)(OfxParamHandle param, OfxTime time, ...);
    OfxStatus (*paramGetDerivative)(OfxParamHandle param, OfxTime time, ...);
    OfxStatus (*paramGetIntegral)(OfxParamHandle param, OfxTime time1, OfxTime time2, ...);
    OfxStatus (*paramSetValue)(OfxParamHandle param, ...);
    OfxStatus (*paramSetValueAtTime)(OfxParamHandle param, OfxTime time, ...);
    OfxStatus (*paramGetNumKeys)(OfxParamHandle param, unsigned int* count);
    OfxStatus (*paramGetKeyTime)(OfxParamHandle param, unsigned int index, OfxTime* time);
    // direction -1: the key before the time, 0: the one at it, 1: the one after it.
    OfxStatus (*paramGetKeyIndex)(OfxParamHandle param, OfxTime time, int direction, int* index);
    OfxStatus (*paramDeleteKey)(OfxParamHandle param, OfxTime time);
    OfxStatus (*paramDeleteAllKeys)(OfxParamHandle param);
    OfxStatus (*paramCopy)(OfxParamHandle to, OfxParamHandle from, OfxTime offset,
                           const OfxRangeD* range);
    OfxStatus (*paramEditBegin)(OfxParamSetHandle set, const char* label);
    OfxStatus (*paramEditEnd)(OfxParamSetHandle set);
};

// ---------------------------------------------------------------- image effects

inline constexpr char kOfxImageEffectPluginApi[] = "OfxImageEffectPluginAPI";
inline constexpr int kOfxImageEffectPluginApiVersion = 1;
inline constexpr char kOfxImageEffectSuite[] = "OfxImageEffectSuite";

using OfxImageEffectHandle = struct OfxImageEffectStruct*;
using OfxImageClipHandle = struct OfxImageClipStruct*;
using OfxImageMemoryHandle = struct OfxImageMemoryStruct*;

inline constexpr char kOfxTypeImageEffectHost[] = "OfxTypeImageEffectHost";
inline constexpr char kOfxTypeImageEffect[] = "OfxTypeImageEffect";
inline constexpr char kOfxTypeImageEffectInstance[] = "OfxTypeImageEffectInstance";
inline constexpr char kOfxTypeClip[] = "OfxTypeClip";
inline constexpr char kOfxTypeImage[] = "OfxTypeImage";

inline constexpr char kOfxImageEffectActionDescribeInContext[] =
    "OfxImageEffectActionDescribeInContext";
inline constexpr char kOfxImageEffectActionGetRegionOfDefinition[] =
    "OfxImageEffectActionGetRegionOfDefinition";
inline constexpr char kOfxImageEffectActionGetRegionsOfInterest[] =
    "OfxImageEffectActionGetRegionsOfInterest";
inline constexpr char kOfxImageEffectActionGetTimeDomain[] = "OfxImageEffectActionGetTimeDomain";
inline constexpr char kOfxImageEffectActionGetFramesNeeded[] =
    "OfxImageEffectActionGetFramesNeeded";
inline constexpr char kOfxImageEffectActionGetClipPreferences[] =
    "OfxImageEffectActionGetClipPreferences";
inline constexpr char kOfxImageEffectActionIsIdentity[] = "OfxImageEffectActionIsIdentity";
inline constexpr char kOfxImageEffectActionRender[] = "OfxImageEffectActionRender";
inline constexpr char kOfxImageEffectActionBeginSequenceRender[] =
    "OfxImageEffectActionBeginSequenceRender";
inline constexpr char kOfxImageEffectActionEndSequenceRender[] =
    "OfxImageEffectActionEndSequenceRender";

inline constexpr char kOfxImageEffectContextGenerator[] = "OfxImageEffectContextGenerator";
inline constexpr char kOfxImageEffectContextFilter[] = "OfxImageEffectContextFilter";
inline constexpr char kOfxImageEffectContextTransition[] = "OfxImageEffectContextTransition";
inline constexpr char kOfxImageEffectContextPaint[] = "OfxImageEffectContextPaint";
inline constexpr char kOfxImageEffectContextGeneral[] = "OfxImageEffectContextGeneral";
inline constexpr char kOfxImageEffectContextRetimer[] = "OfxImageEffectContextRetimer";

inline constexpr char kOfxImageComponentNone[] = "OfxImageComponentNone";
inline constexpr char kOfxImageComponentRGBA[] = "OfxImageComponentRGBA";
inline constexpr char kOfxImageComponentRGB[] = "OfxImageComponentRGB";
inline constexpr char kOfxImageComponentAlpha[] = "OfxImageComponentAlpha";

inline constexpr char kOfxImageEffectPropPreMultiplication[] =
    "OfxImageEffectPropPreMultiplication";
inline constexpr char kOfxImageOpaque[] = "OfxImageOpaque";
// These two values differ from their names in the standard.
inline constexpr char kOfxImagePreMultiplied[] = "OfxImageAlphaPremultiplied";
inline constexpr char kOfxImageUnPreMultiplied[] = "OfxImageAlphaUnPremultiplied";

inline constexpr char kOfxImageEffectPropSupportedContexts[] =
    "OfxImageEffectPropSupportedContexts";
inline constexpr char kOfxImageEffectPropSupportedPixelDepths[] =
    "OfxImageEffectPropSupportedPixelDepths";
inline constexpr char kOfxImageEffectPropSupportedComponents[] =
    "OfxImageEffectPropSupportedComponents";
inline constexpr char kOfxImageEffectPropSupportsMultiResolution[] =
    "OfxImageEffectPropSupportsMultiResolution";
inline constexpr char kOfxImageEffectPropSupportsTiles[] = "OfxImageEffectPropSupportsTiles";
inline constexpr char kOfxImageEffectPropSupportsOverlays[] = "OfxImageEffectPropSupportsOverlays";
// The value lacks "Supports" in the standard.
inline constexpr char kOfxImageEffectPropSupportsMultipleClipDepths[] =
    "OfxImageEffectPropMultipleClipDepths";
inline constexpr char kOfxImageEffectPropSupportsMultipleClipPARs[] =
    "OfxImageEffectPropSupportsMultipleClipPARs";
inline constexpr char kOfxImageEffectPropTemporalClipAccess[] =
    "OfxImageEffectPropTemporalClipAccess";
inline constexpr char kOfxImageEffectPropSetableFrameRate[] = "OfxImageEffectPropSetableFrameRate";
inline constexpr char kOfxImageEffectPropSetableFielding[] = "OfxImageEffectPropSetableFielding";
inline constexpr char kOfxImageEffectPropClipPreferencesSlaveParam[] =
    "OfxImageEffectPropClipPreferencesSlaveParam";
inline constexpr char kOfxImageEffectPropNoSpatialAwareness[] =
    "OfxImageEffectPropNoSpatialAwareness";
inline constexpr char kOfxImageEffectPropThumbnailRender[] = "OfxImageEffectPropThumbnailRender";

inline constexpr char kOfxImageEffectHostPropIsBackground[] = "OfxImageEffectHostPropIsBackground";
inline constexpr char kOfxImageEffectHostPropNativeOrigin[] = "OfxImageEffectHostPropNativeOrigin";
// The values' extra "k" is the standard's.
inline constexpr char kOfxHostNativeOriginBottomLeft[] =
    "kOfxImageEffectHostPropNativeOriginBottomLeft";
inline constexpr char kOfxHostNativeOriginTopLeft[] = "kOfxImageEffectHostPropNativeOriginTopLeft";
inline constexpr char kOfxHostNativeOriginCenter[] = "kOfxImageEffectHostPropNativeOriginCenter";

inline constexpr char kOfxImageEffectPluginPropGrouping[] = "OfxImageEffectPluginPropGrouping";
inline constexpr char kOfxImageEffectPluginPropSingleInstance[] =
    "OfxImageEffectPluginPropSingleInstance";
inline constexpr char kOfxImageEffectPluginPropHostFrameThreading[] =
    "OfxImageEffectPluginPropHostFrameThreading";
inline constexpr char kOfxImageEffectPluginPropFieldRenderTwiceAlways[] =
    "OfxImageEffectPluginPropFieldRenderTwiceAlways";
inline constexpr char kOfxImageEffectPluginPropObsolete[] = "OfxImageEffectPluginPropObsolete";
inline constexpr char kOfxImageEffectPluginPropOverlayInteractV1[] =
    "OfxImageEffectPluginPropOverlayInteractV1";
inline constexpr char kOfxImageEffectPluginPropOverlayInteractV2[] =
    "OfxImageEffectPluginPropOverlayInteractV2";
inline constexpr char kOfxImageEffectPluginRenderThreadSafety[] =
    "OfxImageEffectPluginRenderThreadSafety";
inline constexpr char kOfxImageEffectRenderUnsafe[] = "OfxImageEffectRenderUnsafe";
inline constexpr char kOfxImageEffectRenderInstanceSafe[] = "OfxImageEffectRenderInstanceSafe";
inline constexpr char kOfxImageEffectRenderFullySafe[] = "OfxImageEffectRenderFullySafe";

inline constexpr char kOfxImageEffectPropPluginHandle[] = "OfxImageEffectPropPluginHandle";
inline constexpr char kOfxImageEffectPropContext[] = "OfxImageEffectPropContext";
inline constexpr char kOfxImageEffectPropProjectSize[] = "OfxImageEffectPropProjectSize";
inline constexpr char kOfxImageEffectPropProjectOffset[] = "OfxImageEffectPropProjectOffset";
inline constexpr char kOfxImageEffectPropProjectExtent[] = "OfxImageEffectPropProjectExtent";
// The value lacks "Project" in the standard.
inline constexpr char kOfxImageEffectPropProjectPixelAspectRatio[] =
    "OfxImageEffectPropPixelAspectRatio";
inline constexpr char kOfxImageEffectInstancePropEffectDuration[] =
    "OfxImageEffectInstancePropEffectDuration";
inline constexpr char kOfxImageEffectInstancePropSequentialRender[] =
    "OfxImageEffectInstancePropSequentialRender";

inline constexpr char kOfxImageEffectPropFrameRate[] = "OfxImageEffectPropFrameRate";
inline constexpr char kOfxImageEffectPropUnmappedFrameRate[] =
    "OfxImageEffectPropUnmappedFrameRate";
inline constexpr char kOfxImageEffectPropFrameStep[] = "OfxImageEffectPropFrameStep";
inline constexpr char kOfxImageEffectPropFrameRange[] = "OfxImageEffectPropFrameRange";
inline constexpr char kOfxImageEffectPropUnmappedFrameRange[] =
    "OfxImageEffectPropUnmappedFrameRange";
inline constexpr char kOfxImageEffectFrameVarying[] = "OfxImageEffectFrameVarying";
inline constexpr char kOfxImageEffectPropPixelDepth[] = "OfxImageEffectPropPixelDepth";
inline constexpr char kOfxImageEffectPropComponents[] = "OfxImageEffectPropComponents";

inline constexpr char kOfxImageEffectPropRenderScale[] = "OfxImageEffectPropRenderScale";
inline constexpr char kOfxImageEffectPropRenderWindow[] = "OfxImageEffectPropRenderWindow";
inline constexpr char kOfxImageEffectPropFieldToRender[] = "OfxImageEffectPropFieldToRender";
inline constexpr char kOfxImageEffectPropRegionOfDefinition[] =
    "OfxImageEffectPropRegionOfDefinition";
inline constexpr char kOfxImageEffectPropRegionOfInterest[] = "OfxImageEffectPropRegionOfInterest";
inline constexpr char kOfxImageEffectPropSequentialRenderStatus[] =
    "OfxImageEffectPropSequentialRenderStatus";
inline constexpr char kOfxImageEffectPropInteractiveRenderStatus[] =
    "OfxImageEffectPropInteractiveRenderStatus";
inline constexpr char kOfxImageEffectPropRenderQualityDraft[] =
    "OfxImageEffectPropRenderQualityDraft";

inline constexpr char kOfxImageClipPropOptional[] = "OfxImageClipPropOptional";
inline constexpr char kOfxImageClipPropIsMask[] = "OfxImageClipPropIsMask";
inline constexpr char kOfxImageClipPropConnected[] = "OfxImageClipPropConnected";
inline constexpr char kOfxImageClipPropContinuousSamples[] = "OfxImageClipPropContinuousSamples";
inline constexpr char kOfxImageClipPropUnmappedPixelDepth[] = "OfxImageClipPropUnmappedPixelDepth";
inline constexpr char kOfxImageClipPropUnmappedComponents[] = "OfxImageClipPropUnmappedComponents";
inline constexpr char kOfxImageClipPropFieldOrder[] = "OfxImageClipPropFieldOrder";
inline constexpr char kOfxImageClipPropFieldExtraction[] = "OfxImageClipPropFieldExtraction";

inline constexpr char kOfxImagePropData[] = "OfxImagePropData";
inline constexpr char kOfxImagePropBounds[] = "OfxImagePropBounds";
inline constexpr char kOfxImagePropRegionOfDefinition[] = "OfxImagePropRegionOfDefinition";
inline constexpr char kOfxImagePropRowBytes[] = "OfxImagePropRowBytes";
inline constexpr char kOfxImagePropField[] = "OfxImagePropField";
inline constexpr char kOfxImagePropPixelAspectRatio[] = "OfxImagePropPixelAspectRatio";
inline constexpr char kOfxImagePropUniqueIdentifier[] = "OfxImagePropUniqueIdentifier";

inline constexpr char kOfxImageFieldNone[] = "OfxFieldNone";
inline constexpr char kOfxImageFieldLower[] = "OfxFieldLower";
inline constexpr char kOfxImageFieldUpper[] = "OfxFieldUpper";
inline constexpr char kOfxImageFieldBoth[] = "OfxFieldBoth";
inline constexpr char kOfxImageFieldSingle[] = "OfxFieldSingle";
inline constexpr char kOfxImageFieldDoubled[] = "OfxFieldDoubled";

inline constexpr char kOfxImageEffectOutputClipName[] = "Output";
inline constexpr char kOfxImageEffectSimpleSourceClipName[] = "Source";

struct OfxImageEffectSuiteV1 {
    OfxStatus (*getPropertySet)(OfxImageEffectHandle effect, OfxPropertySetHandle* properties);
    OfxStatus (*getParamSet)(OfxImageEffectHandle effect, OfxParamSetHandle* set);
    OfxStatus (*clipDefine)(OfxImageEffectHandle effect, const char* name,
                            OfxPropertySetHandle* properties);
    OfxStatus (*clipGetHandle)(OfxImageEffectHandle effect, const char* name,
                               OfxImageClipHandle* clip, OfxPropertySetHandle* properties);
    OfxStatus (*clipGetPropertySet)(OfxImageClipHandle clip, OfxPropertySetHandle* properties);
    OfxStatus (*clipGetImage)(OfxImageClipHandle clip, OfxTime time, const OfxRectD* region,
                              OfxPropertySetHandle* image);
    OfxStatus (*clipReleaseImage)(OfxPropertySetHandle image);
    OfxStatus (*clipGetRegionOfDefinition)(OfxImageClipHandle clip, OfxTime time, OfxRectD* bounds);
    int (*abort)(OfxImageEffectHandle effect);
    OfxStatus (*imageMemoryAlloc)(OfxImageEffectHandle effect, std::size_t bytes,
                                  OfxImageMemoryHandle* memory);
    OfxStatus (*imageMemoryFree)(OfxImageMemoryHandle memory);
    OfxStatus (*imageMemoryLock)(OfxImageMemoryHandle memory, void** data);
    OfxStatus (*imageMemoryUnlock)(OfxImageMemoryHandle memory);
};

// ---------------------------------------------------------------- interacts (overlays)

inline constexpr char kOfxInteractSuite[] = "OfxInteractSuite";

using OfxInteractHandle = struct OfxInteract*;

inline constexpr char kOfxInteractPropSlaveToParam[] = "OfxInteractPropSlaveToParam";
inline constexpr char kOfxInteractPropPixelScale[] = "OfxInteractPropPixelScale";
inline constexpr char kOfxInteractPropBackgroundColour[] = "OfxInteractPropBackgroundColour";
inline constexpr char kOfxInteractPropSuggestedColour[] = "OfxInteractPropSuggestedColour";
inline constexpr char kOfxInteractPropPenPosition[] = "OfxInteractPropPenPosition";
inline constexpr char kOfxInteractPropPenViewportPosition[] = "OfxInteractPropPenViewportPosition";
inline constexpr char kOfxInteractPropPenPressure[] = "OfxInteractPropPenPressure";
inline constexpr char kOfxInteractPropBitDepth[] = "OfxInteractPropBitDepth";
inline constexpr char kOfxInteractPropHasAlpha[] = "OfxInteractPropHasAlpha";

// An interact is described, created and destroyed by the core's actions of those names.
inline constexpr char kOfxInteractActionDraw[] = "OfxInteractActionDraw";
inline constexpr char kOfxInteractActionPenMotion[] = "OfxInteractActionPenMotion";
inline constexpr char kOfxInteractActionPenDown[] = "OfxInteractActionPenDown";
inline constexpr char kOfxInteractActionPenUp[] = "OfxInteractActionPenUp";
inline constexpr char kOfxInteractActionKeyDown[] = "OfxInteractActionKeyDown";
inline constexpr char kOfxInteractActionKeyUp[] = "OfxInteractActionKeyUp";
inline constexpr char kOfxInteractActionKeyRepeat[] = "OfxInteractActionKeyRepeat";
inline constexpr char kOfxInteractActionGainFocus[] = "OfxInteractActionGainFocus";
inline constexpr char kOfxInteractActionLoseFocus[] = "OfxInteractActionLoseFocus";

struct OfxInteractSuiteV1 {
    OfxStatus (*interactSwapBuffers)(OfxInteractHandle interact);
    OfxStatus (*interactRedraw)(OfxInteractHandle interact);
    OfxStatus (*interactGetPropertySet)(OfxInteractHandle interact,
                                        OfxPropertySetHandle* properties);
};

// ---------------------------------------------------------------- drawing (1.5)

inline constexpr char kOfxDrawSuite[] = "OfxDrawSuite";
inline constexpr char kOfxInteractPropDrawContext[] = "OfxInteractPropDrawContext";

using OfxDrawContextHandle = struct OfxDrawContext*;

struct OfxRGBAColourF {
    float r, g, b, a;
};

enum OfxStandardColour {
    kOfxStandardColourOverlayBackground,
    kOfxStandardColourOverlayActive,
    kOfxStandardColourOverlaySelected,
    kOfxStandardColourOverlayDeselected,
    kOfxStandardColourOverlayMarqueeFG,
    kOfxStandardColourOverlayMarqueeBG,
    kOfxStandardColourOverlayText,
};

enum OfxDrawLineStipplePattern {
    kOfxDrawLineStipplePatternSolid,
    kOfxDrawLineStipplePatternDot,
    kOfxDrawLineStipplePatternDash,
    kOfxDrawLineStipplePatternAltDash,
    kOfxDrawLineStipplePatternDotDash,
};

// Rectangles and polygons are filled, ellipses are lines. A rectangle and an ellipse take two
// opposite corners.
enum OfxDrawPrimitive {
    kOfxDrawPrimitiveLines,
    kOfxDrawPrimitiveLineStrip,
    kOfxDrawPrimitiveLineLoop,
    kOfxDrawPrimitiveRectangle,
    kOfxDrawPrimitivePolygon,
    kOfxDrawPrimitiveEllipse,
};

enum OfxDrawTextAlignment {
    kOfxDrawTextAlignmentLeft = 1,
    kOfxDrawTextAlignmentRight = 2,
    kOfxDrawTextAlignmentTop = 4,
    kOfxDrawTextAlignmentBottom = 8,
    kOfxDrawTextAlignmentBaseline = 16,
    kOfxDrawTextAlignmentCenterH = kOfxDrawTextAlignmentLeft | kOfxDrawTextAlignmentRight,
    kOfxDrawTextAlignmentCenterV = kOfxDrawTextAlignmentTop | kOfxDrawTextAlignmentBaseline,
};

// Only within kOfxInteractActionDraw. Points are in canonical coordinates; a line's width is in
// screen pixels, 0 for the thinnest.
struct OfxDrawSuiteV1 {
    OfxStatus (*getColour)(OfxDrawContextHandle context, OfxStandardColour wanted,
                           OfxRGBAColourF* colour);
    OfxStatus (*setColour)(OfxDrawContextHandle context, const OfxRGBAColourF* colour);
    OfxStatus (*setLineWidth)(OfxDrawContextHandle context, float width);
    OfxStatus (*setLineStipple)(OfxDrawContextHandle context, OfxDrawLineStipplePattern pattern);
    OfxStatus (*draw)(OfxDrawContextHandle context, OfxDrawPrimitive primitive,
                      const OfxPointD* points, int count);
    OfxStatus (*drawText)(OfxDrawContextHandle context, const char* text, const OfxPointD* position,
                          int alignment);
};

// ---------------------------------------------------------------- colour management (1.5)

inline constexpr char kOfxImageEffectPropColourManagementStyle[] =
    "OfxImageEffectPropColourManagementStyle";
inline constexpr char kOfxImageEffectColourManagementNone[] = "OfxImageEffectColourManagementNone";
inline constexpr char kOfxImageEffectColourManagementBasic[] =
    "OfxImageEffectColourManagementBasic";
inline constexpr char kOfxImageEffectColourManagementCore[] = "OfxImageEffectColourManagementCore";
inline constexpr char kOfxImageEffectColourManagementFull[] = "OfxImageEffectColourManagementFull";
inline constexpr char kOfxImageEffectColourManagementOCIO[] = "OfxImageEffectColourManagementOCIO";
inline constexpr char kOfxImageClipPropColourspace[] = "OfxImageClipPropColourspace";

// ---------------------------------------------------------------- GPU rendering

inline constexpr char kOfxImageEffectPropOpenGLRenderSupported[] =
    "OfxImageEffectPropOpenGLRenderSupported";
inline constexpr char kOfxImageEffectPropCPURenderSupported[] =
    "OfxImageEffectPropCPURenderSupported";

}  // extern "C"
