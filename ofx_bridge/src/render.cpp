#include "render.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "image.h"
#include "json.h"
#include "worker.h"

namespace synthetic_focus {

namespace {

// Pictures begin on pages of their own in the shared memory.
constexpr std::size_t alignment = 4096;

// A picture of a request: packed rows in shared memory, the top one first; or missing.
struct Picture {
    std::string clip;
    double time = 0;
    bool missing = true;
    OfxRectI bounds{};
    PixelFormat format{};
    std::string premultiplication{};
    std::size_t offset = 0;

    std::size_t row_bytes() const { return static_cast<std::size_t>(width(bounds)) * format.bytes; }
    std::size_t bytes() const { return row_bytes() * static_cast<std::size_t>(height(bounds)); }
    Rows rows(const Segment& segment) const {
        return {segment.memory.data() + offset, static_cast<std::ptrdiff_t>(row_bytes())};
    }
};

// A picture that the host still lends.
struct Lent {
    Picture picture;
    std::unique_ptr<HostImage> image;

    void copy_to(Rows rows) const {
        const Rows from = image->rows(picture.bounds);
        if (picture.format == image->format()) {
            copy_rows(rows, from, picture.row_bytes(), height(picture.bounds));
        } else {
            copy_first_channel(rows, from, image->format(), width(picture.bounds),
                               height(picture.bounds));
        }
    }
};

Picture describe_picture(std::string clip, double time, const HostImage& image,
                         const OfxRectI& bounds) {
    if (!image.present()) return {.clip = std::move(clip), .time = time};
    return {std::move(clip), time, false, bounds, image.format(), image.premultiplication()};
}

// One frame on its way through the worker.
class Frame {
  public:
    enum class Purpose { Render, Bake, Analyze };

    Frame(Instance& instance, const Properties& arguments, double time, Purpose purpose);
    OfxStatus render();
    std::vector<double> bake();
    // False: there is no picture at this time, or the user stopped it.
    bool analyze(const std::function<bool()>& goes_on);

    std::optional<std::pair<double, double>> range() const;
    static bool other_times_possible();

  private:
    bool aborted() const {
        const auto abort = suites().effect->abort;
        return abort && abort(instance_.effect());
    }
    Lent lend(const std::string& clip, double time) const;
    Lent lend_at_another_time(const std::string& clip, double time) const;
    bool wants_depth() const;
    void pack(std::vector<Lent> lent);
    bool fetch(const Reply& need, const std::function<bool()>& stopped);
    std::optional<Reply> ask(const std::function<bool(std::size_t)>& goes_on);
    OfxStatus exchange(const HostImage& output);
    std::string request() const;
    void write_source_properties(Json& json) const;
    void write_parameters(Json& json) const;
    void write_keys(Json& json) const;
    void write_picture(Json& json, const Picture& picture) const;

    Instance& instance_;
    const double time_;
    const OfxPointD scale_;
    const OfxRectI requested_;
    OfxRectI frame_{};
    std::vector<Picture> pictures_;
    Picture result_;
    Worker::Lease segment_;
    const Purpose purpose_;
};

Frame::Frame(Instance& instance, const Properties& arguments, double time, Purpose purpose)
    : instance_(instance),
      time_(time),
      scale_{arguments.number(kOfxImageEffectPropRenderScale, 0).value_or(1),
             arguments.number(kOfxImageEffectPropRenderScale, 1).value_or(1)},
      requested_(arguments.rectangle(kOfxImageEffectPropRenderWindow)
                     .value_or(OfxRectI{kOfxFlagInfiniteMin, kOfxFlagInfiniteMin,
                                        kOfxFlagInfiniteMax, kOfxFlagInfiniteMax})),
      purpose_(purpose) {}

OfxStatus Frame::render() {
    const HostImage output(instance_.clip(output_clip), time_);
    // The whole source: light from outside the window falls into it.
    Lent source = lend(source_clip, time_);
    if (aborted()) return kOfxStatFailed;
    if (!output.present()) throw ImageError("The host gave no image to render into.");
    const OfxRectI window = intersection(requested_, output.bounds());
    if (empty(window)) return kOfxStatOK;

    // What the source does not reach, or all if there is none, is black and transparent.
    frame_ = source.image->frame();
    const OfxRectI inside = intersection(window, frame_);
    if (!(inside == window)) {
        clear_rows(output.rows(window),
                   static_cast<std::size_t>(width(window)) * output.format().bytes, height(window));
    }
    if (empty(inside)) return kOfxStatOK;

    result_ = describe_picture(output_clip, time_, output, inside);
    if (instance_.is_identity(time_) && source.picture.format == result_.format &&
        intersection(inside, source.picture.bounds) == inside) {
        copy_rows(output.rows(inside), source.image->rows(inside), result_.row_bytes(),
                  height(inside));
        return kOfxStatOK;
    }
    std::vector<Lent> lent;
    lent.push_back(std::move(source));
    if (wants_depth()) lent.push_back(lend(depth_clip, time_));
    pack(std::move(lent));
    return exchange(output);
}

Lent Frame::lend(const std::string& clip, double time) const {
    auto image = std::make_unique<HostImage>(instance_.clip(clip), time);
    Picture picture = describe_picture(clip, time, *image, image->bounds());
    // Depth is one number a pixel; hosts lend four, and moving them would take four times as long.
    if (clip == depth_clip && image->present()) picture.format = first_channel(image->format());
    return {std::move(picture), std::move(image)};
}

// Missing where the host has no other times: some then give this frame again (MLT), which would be
// wrong silently.
Lent Frame::lend_at_another_time(const std::string& clip, double time) const {
    if (other_times_possible() || time == time_) return lend(clip, time);
    return {{.clip = clip, .time = time}, nullptr};
}

bool Frame::other_times_possible() {
    return Properties(suites().host).integer(kOfxImageEffectPropTemporalClipAccess).value_or(1) !=
           0;
}

// A host may call an unconnected clip connected, and give nothing or black: the user's switch
// decides.
bool Frame::wants_depth() const {
    return instance_.option(parameter::depth_source, time_) == option::depth_source::clip &&
           instance_.connected(depth_clip);
}

// Puts what the host lends beside the pictures there are, and the result, into one piece of shared
// memory.
void Frame::pack(std::vector<Lent> lent) {
    std::size_t size = 0;
    const auto place = [&size](const Picture& picture) {
        const std::size_t offset = size;
        size += (picture.bytes() + alignment - 1) / alignment * alignment;
        return offset;
    };
    std::vector<std::size_t> moved;
    for (const Picture& picture : pictures_) moved.push_back(place(picture));
    for (Lent& one : lent) one.picture.offset = place(one.picture);
    result_.offset = place(result_);

    Worker::Lease segment = Worker::get().lease(size);
    for (std::size_t i = 0; i < pictures_.size(); ++i) {
        std::memcpy(segment->memory.data() + moved[i], pictures_[i].rows(*segment_).top,
                    pictures_[i].bytes());
        pictures_[i].offset = moved[i];
    }
    for (Lent& one : lent) {
        if (!one.picture.missing) {
            one.copy_to(one.picture.rows(*segment));
        }
        one.image.reset();
        pictures_.push_back(std::move(one.picture));
    }
    segment_ = std::move(segment);
}

// Fetches the pictures that the worker asks for: need's message names clips, one a line, its values
// are the times. Those of other times that it had before go: it keeps what it learnt of them.
// False: stopped on the way.
bool Frame::fetch(const Reply& need, const std::function<bool()>& stopped) {
    std::vector<Lent> lent;
    std::istringstream clips(need.message);
    for (std::string clip; std::getline(clips, clip);) {
        for (const double time : need.values) {
            const bool there = std::ranges::any_of(pictures_, [&](const Picture& picture) {
                return picture.clip == clip && picture.time == time;
            });
            if (there) continue;
            // The host may have to render each of them.
            if (stopped()) return false;
            lent.push_back(lend_at_another_time(clip, time));
        }
    }
    if (lent.empty()) throw WorkerError("Synthetic Focus's worker asks for what it was given.");
    std::erase_if(pictures_, [&](const Picture& picture) {
        return picture.time != time_ &&
               std::ranges::find(need.values, picture.time) == need.values.end();
    });
    pack(std::move(lent));
    return true;
}

// What an answered frame says about its focus.
std::optional<FocusSight> focus_sight(const Reply& reply) {
    const std::vector<double>& v = reply.values;
    if (v.empty() || !(v[0] >= 0 && v[0] <= 2)) return std::nullopt;
    FocusSight sight{static_cast<FocusState>(static_cast<int>(v[0])), std::nullopt};
    if (v.size() >= 5) sight.box = OfxRectD{v[1], v[2], v[3], v[4]};
    return sight;
}

// Asks the worker until it has all that it needs; nothing if the host or the user stopped it.
std::optional<Reply> Frame::ask(const std::function<bool(std::size_t)>& goes_on) {
    instance_.known_to_worker = true;
    std::size_t fetched = 0;
    const auto stopped = [&] { return aborted() || !goes_on(fetched); };
    for (;;) {
        Reply reply = Worker::get().call(request(), segment_.get(), host_name(), stopped);
        if (reply.status == ReplyStatus::Aborted) return std::nullopt;
        if (reply.status == ReplyStatus::Ok) return reply;
        if (!fetch(reply, stopped)) return std::nullopt;
        fetched += reply.values.size();
    }
}

OfxStatus Frame::exchange(const HostImage& output) {
    const std::uint64_t generation = instance_.focus_generation();
    const auto reply = ask([](std::size_t) { return true; });
    if (!reply) return kOfxStatFailed;
    if (const auto sight = focus_sight(*reply)) instance_.keep_focus(time_, generation, *sight);
    copy_rows(output.rows(result_.bounds), result_.rows(*segment_), result_.row_bytes(),
              height(result_.bounds));
    return kOfxStatOK;
}

std::vector<double> Frame::bake() {
    std::vector<Lent> lent;
    lent.push_back(lend(source_clip, time_));
    if (!lent.front().image || !lent.front().image->present()) {
        throw ImageError("There is no picture at this time, so no focus to bake.");
    }
    frame_ = lent.front().image->frame();
    if (wants_depth()) lent.push_back(lend(depth_clip, time_));
    pack(std::move(lent));
    const auto [first, last] = range().value_or(std::pair{time_, time_});
    const double frames = std::max(last - first + 1, 1.0);
    const Progress progress(instance_.effect(), "Following the subjects of the focus");
    const auto reply = ask([&](std::size_t fetched) {
        return progress.update(std::min(static_cast<double>(fetched) / frames, 1.0));
    });
    return reply ? reply->values : std::vector<double>{};
}

bool Frame::analyze(const std::function<bool()>& goes_on) {
    std::vector<Lent> lent;
    lent.push_back(lend(source_clip, time_));
    if (!lent.front().image->present()) return false;
    frame_ = lent.front().image->frame();
    pack(std::move(lent));
    return ask([&](std::size_t) { return goes_on(); }).has_value();
}

void write_rectangle(Json& json, const char* name, const OfxRectI& r) {
    json.array(name, r.x1, r.y1, r.x2, r.y2);
}

std::string Frame::request() const {
    Json json;
    static constexpr const char* operations[] = {"render", "bake", "analyze"};
    json.member("op", operations[static_cast<int>(purpose_)]).member("instance", instance_.id());
    json.member("epoch", instance_.epoch()).member("time", time_).member("host", host_name());
    json.array("scale", scale_.x, scale_.y);
    write_rectangle(json, "frame", frame_);
    write_rectangle(json, "window", result_.bounds);
    write_source_properties(json);
    json.key("connected").open('{').member(depth_clip, instance_.connected(depth_clip)).close('}');
    json.key("images").open('[');
    for (const Picture& picture : pictures_) {
        json.open('{').member("clip", picture.clip).member("time", picture.time);
        if (picture.missing) {
            json.member("missing", true);
        } else {
            write_picture(json, picture);
        }
        json.close('}');
    }
    json.close(']');
    if (purpose_ == Purpose::Render) {
        json.key("output").open('{');
        write_picture(json, result_);
        json.close('}');
    }
    write_parameters(json);
    return json.text();
}

void Frame::write_picture(Json& json, const Picture& picture) const {
    write_rectangle(json, "bounds", picture.bounds);
    json.member("type", picture.format.type).member("components", picture.format.components);
    json.member("premultiplication", picture.premultiplication);
    json.member("memory", segment_->id).member("offset", picture.offset);
}

// The source's first and last frame.
std::optional<std::pair<double, double>> Frame::range() const {
    const Properties source = properties_of(instance_.clip(source_clip));
    const auto first = source.number(kOfxImageEffectPropFrameRange, 0);
    const auto last = source.number(kOfxImageEffectPropFrameRange, 1);
    if (first && last) return std::pair{*first, *last};
    double begin = 0, end = 0;
    if (suites().timeline &&
        call(suites().timeline->getTimeBounds, instance_.effect(), &begin, &end) == kOfxStatOK) {
        return std::pair{begin, end};
    }
    return std::nullopt;
}

void Frame::write_source_properties(Json& json) const {
    json.key("fps");
    auto fps = properties_of(instance_.clip(source_clip)).number(kOfxImageEffectPropFrameRate);
    if (!fps) fps = properties_of(instance_.effect()).number(kOfxImageEffectPropFrameRate);
    fps ? json.value(*fps) : json.null();
    if (const auto frames = range()) {
        json.array("range", frames->first, frames->second);
    } else {
        json.key("range").null();
    }
}

void Frame::write_parameters(Json& json) const {
    const auto preset = static_cast<std::size_t>(instance_.option(parameter::preset, time_));
    const bool applied =
        preset == option::preset::custom ||
        (preset < std::size(options_of_preset) &&
         instance_.value(parameter::applied_preset, time_).text == options_of_preset[preset].key);
    json.member("preset_applied", applied).key("parameters").open('{');
    instance_.write_values(json, time_);
    json.close('}');
    write_keys(json);
}

// The keyframes of the parameters that send them, as [time, value …], and the values that others
// have at the same times.
void Frame::write_keys(Json& json) const {
    json.key("keys").open('{');
    // Asked once for each: hosts may walk all keys to find one, and there may be thousands.
    std::map<parameter::Index, std::vector<double>> times;
    for (std::size_t i = 0; i < std::size(parameters); ++i) {
        const Parameter& row = parameters[i];
        if (!row.sends_keys && !row.keyed_by) continue;
        const auto index = static_cast<parameter::Index>(i);
        const auto keys = static_cast<parameter::Index>(row.keyed_by.value_or(i));
        const auto [known, is_new] = times.try_emplace(keys);
        if (is_new) known->second = instance_.key_times(keys);
        json.key(row.name).open('[');
        for (const double time : known->second) {
            const Value value = instance_.value(index, time);
            json.open('[').value(time).value(value.numbers[0]);
            if (row.type == Type::Double2D) json.value(value.numbers[1]);
            json.close(']');
        }
        json.close(']');
    }
    json.close('}');
}

double time_of(const Properties& arguments) { return arguments.number(kOfxPropTime).value_or(0); }

std::string number(double value) {
    std::ostringstream text;
    text << value;
    return text.str();
}

}  // namespace

OfxStatus render(Instance& instance, const Properties& arguments) {
    return Frame(instance, arguments, time_of(arguments), Frame::Purpose::Render).render();
}

std::vector<double> bake(Instance& instance, const Properties& arguments) {
    return Frame(instance, arguments, time_of(arguments), Frame::Purpose::Bake).bake();
}

std::string analyze(Instance& instance, const Properties& arguments) {
    if (!Frame::other_times_possible()) {
        throw ImageError(
            "This host gives an effect no frame but the one that it renders, so the shot cannot be "
            "analysed ahead. Render it once, and each frame is kept as it is rendered.");
    }
    const double here = time_of(arguments);
    const auto [first, last] = Frame(instance, arguments, here, Frame::Purpose::Analyze)
                                   .range()
                                   .value_or(std::pair{here, here});
    const Progress progress(instance.effect(), "Analysing the shot");
    const auto shows = [&, first = first, last = last](double time) {
        return progress.update((time - first) / (last - first + 1));
    };
    const std::string whole = "frames " + number(first) + " to " + number(last);
    double time = first;
    for (; time <= last && shows(time); ++time) {
        Frame frame(instance, arguments, time, Frame::Purpose::Analyze);
        if (!frame.analyze([&] { return shows(time); })) break;
    }
    if (time > last) return "All " + whole + " are analysed.";
    return "Stopped at frame " + number(time) + " of " + whole + "; Analyze goes on from there.";
}

}  // namespace synthetic_focus
